import "./tracing.ts";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { request } from "undici";
// #region readme
import { Agent, setGlobalDispatcher } from "undici";
import { traceInterceptor } from "a2a-otel/undici";

setGlobalDispatcher(new Agent().compose(traceInterceptor()));
// #endregion

const agent = createServer((_, response) => void response.end("hello")).listen(0, "127.0.0.1", async () => {
  const { port } = agent.address() as AddressInfo;
  const { body } = await request(`http://127.0.0.1:${port}/`);
  console.log(await body.text());
  agent.close();
  agent.closeAllConnections();
});
