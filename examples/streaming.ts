import "./tracing.ts";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
// #region readme
import { instrumentFetch } from "a2a-otel/fetch";

instrumentFetch();

// The span of this call ends with the last event, with a `break`, or when the stream fails.
const follow = async (url: string): Promise<void> => {
  const response = await fetch(url, { headers: { accept: "text/event-stream" } });
  const decoder = new TextDecoder();
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    console.log(decoder.decode(chunk, { stream: true }).trim());
  }
};
// #endregion

const agent = createServer(async (_, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const token of ["once", "upon", "a time"]) {
    response.write(`data: ${token}\n\n`);
    await sleep(20);
  }
  response.end();
}).listen(0, "127.0.0.1", async () => {
  await follow(`http://127.0.0.1:${(agent.address() as AddressInfo).port}/`);
  agent.close();
});
