import "./tracing.ts";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { instrumentFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/node";
// #region readme
import { trace } from "@opentelemetry/api";
import winston from "winston";

const addTrace = winston.format((info) => {
  const span = trace.getActiveSpan()?.spanContext();
  if (span === undefined) return info;
  return Object.assign(info, { trace_id: span.traceId, span_id: span.spanId, trace_flags: `0${span.traceFlags}` });
});

// The format of the logger, not that of a transport: it runs in the context of the code that logs.
const logger = winston.createLogger({
  format: winston.format.combine(addTrace(), winston.format.json()),
  transports: [new winston.transports.Console()],
});
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
