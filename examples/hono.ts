import "./tracing.ts";
import { instrumentFetch } from "a2a-otel/fetch";
// #region readme
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { traceMiddleware } from "a2a-otel/server/web";

const app = new Hono();
app.use(traceMiddleware());
// #endregion

instrumentFetch();
app.get("/agents/:name", (c) => c.text(`hello ${c.req.param("name")}`));

const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, async ({ port }) => {
  const response = await fetch(`http://127.0.0.1:${port}/agents/researcher`);
  console.log(await response.text());
  server.close();
});
