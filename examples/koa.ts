import "./tracing.ts";
import type { AddressInfo } from "node:net";
import { instrumentFetch } from "a2a-otel/fetch";
// #region readme
import { Router } from "@koa/router";
import Koa from "koa";
import { traceRequests } from "a2a-otel/server/koa";

const app = new Koa();
app.use(traceRequests());
// #endregion

instrumentFetch();
const router = new Router();
router.get("/agents/:name", (ctx) => void (ctx.body = `hello ${ctx.params["name"]}`));
app.use(router.routes());

const server = app.listen(0, "127.0.0.1", async () => {
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/agents/researcher`);
  console.log(await response.text());
  server.close();
});
