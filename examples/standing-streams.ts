import "./tracing.ts";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
// #region readme
import { instrumentFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/node";

// A GET opens a stream on which the server sends events for hours: its span ends with the headers. Others are covered to the last byte.
instrumentFetch({
  endSpanOn: ({ request: { init }, response }) => {
    const isEventStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
    return isEventStream && (init?.method ?? "GET") === "GET" ? "headers" : "response";
  },
});

// The same on a server.
const traced = (listener: (request: IncomingMessage, response: ServerResponse) => void): typeof listener =>
  traceRequests(listener, { endSpanOn: ({ request }) => (request.method === "GET" ? "headers" : "response") });
// #endregion

const port = Number(process.env["PORT"] ?? 8080);
const agent = createServer(
  traced((_, response) => response.writeHead(200, { "content-type": "text/event-stream" }).write("data: hello\n\n")),
);
agent.listen(port, async () => {
  const { body } = await fetch(`http://localhost:${port}/`);
  console.log("the stream is still open");
  await body?.cancel();
  agent.close();
});
