import "./tracing.ts";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
// #region readme
import got from "got";
import { wrapGot } from "a2a-otel/got";

const traced = wrapGot(got);
// #endregion

const agent = createServer((_, response) => void response.end("hello")).listen(0, "127.0.0.1", async () => {
  const { port } = agent.address() as AddressInfo;
  console.log(await traced(`http://127.0.0.1:${port}/`).text());
  agent.close();
});
