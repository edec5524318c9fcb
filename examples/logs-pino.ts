import "./tracing.ts";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { instrumentFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/node";
// #region readme
import { trace } from "@opentelemetry/api";
import pino from "pino";

// pino calls `mixin` for each line, in the context of the code that logs it.
const logger = pino({ mixin: () => traceFields() });

function traceFields(): Record<string, string> {
  const span = trace.getActiveSpan()?.spanContext();
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId, trace_flags: `0${span.traceFlags}` };
}
// #endregion

instrumentFetch();
const server = createServer(
  traceRequests((_, response) => {
    logger.info("working");
    response.end("hello");
  }),
);
server.listen(0, "127.0.0.1", async () => {
  logger.info("started");
  const { port } = server.address() as AddressInfo;
  console.log(await (await fetch(`http://127.0.0.1:${port}`)).text());
  server.close();
});
