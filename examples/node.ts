import "./tracing.ts";
import http from "node:http";
import type { AddressInfo } from "node:net";
// #region readme
import { instrumentNode } from "a2a-otel/node";

instrumentNode();
// #endregion

const agent = http
  .createServer((_, response) => void response.end("hello"))
  .listen(0, "127.0.0.1", () => {
    const { port } = agent.address() as AddressInfo;
    http.get(`http://127.0.0.1:${port}/`, (response) => {
      response.setEncoding("utf8").on("data", (text: string) => console.log(text));
      response.on("end", () => agent.close());
    });
  });
