import "./tracing.ts";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
// #region readme
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { nodeInstrumentation } from "a2a-otel/node";

registerInstrumentations({ instrumentations: [nodeInstrumentation()] });
// #endregion

const agent = createServer((_, response) => void response.end("hello")).listen(0, "127.0.0.1", async () => {
  const { port } = agent.address() as AddressInfo;
  console.log(await (await fetch(`http://127.0.0.1:${port}/`)).text());
  agent.close();
});
