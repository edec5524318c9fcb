import "./tracing.ts";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { trace } from "@opentelemetry/api";
// #region readme
import { injectTraceContext } from "a2a-otel";

// For a client without an adapter. Headers may be a record, `Headers`, a `Map` or an array of pairs.
const headers = (): Record<string, string> => injectTraceContext({ accept: "text/plain" });
// #endregion

const agent = createServer(({ headers: { traceparent } }, response) => void response.end(traceparent)).listen(
  0,
  "127.0.0.1",
  () => {
    const { port } = agent.address() as AddressInfo;
    trace.getTracer("example").startActiveSpan("ask", (span) => {
      request({ port, headers: headers() }, (response) => {
        response.setEncoding("utf8").on("data", (received: string) => {
          console.log(`the agent received our trace id: ${received.includes(span.spanContext().traceId)}`);
        });
        response.on("end", () => agent.close());
      }).end();
      span.end();
    });
  },
);
