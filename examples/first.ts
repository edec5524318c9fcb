import { createServer } from "node:http";
import { trace } from "@opentelemetry/api";
import { ConsoleSpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { instrumentFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/node";
import { setupPropagation } from "a2a-otel/setup";

trace.setGlobalTracerProvider(
  new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() })] }),
);
setupPropagation();
instrumentFetch();

const port = Number(process.env["PORT"] ?? 8080);
const agent = createServer(traceRequests((_, response) => void response.end("hello"))).listen(port, async () => {
  await fetch(`http://localhost:${port}/`);
  agent.close();
});
