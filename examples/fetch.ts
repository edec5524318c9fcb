import "./tracing.ts";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
// #region readme
import { instrumentFetch } from "a2a-otel/fetch";

instrumentFetch();
// #endregion

const agent = createServer((request, response) => void response.end(request.headers["traceparent"])).listen(
  0,
  "127.0.0.1",
  async () => {
    const { port } = agent.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/`);
    console.log(`the agent received ${await response.text()}`);
    agent.close();
  },
);
