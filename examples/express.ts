import "./tracing.ts";
import type { AddressInfo } from "node:net";
import { instrumentFetch } from "a2a-otel/fetch";
// #region readme
import express from "express";
import { traceRequests } from "a2a-otel/server/express";

const app = express();
app.use(traceRequests());
// #endregion

instrumentFetch();
app.get("/agents/:name", (request, response) => void response.send(`hello ${request.params.name}`));

const server = app.listen(0, "127.0.0.1", async () => {
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/agents/researcher`);
  console.log(await response.text());
  server.close();
});
