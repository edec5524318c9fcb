import { createServer } from "node:http";
import { trace } from "@opentelemetry/api";
import { ConsoleSpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { instrumentFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/node";
import { setupPropagation } from "a2a-otel/setup";

// An OpenTelemetry SDK. A service that already starts one does not need these lines.
trace.setGlobalTracerProvider(
  new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() })] }),
);
setupPropagation();

// The client side: every fetch gets a CLIENT span and sends its trace context.
instrumentFetch();

// The server side: every request gets a SERVER span that continues the caller's trace.
const port = Number(process.env["PORT"] ?? 8080);
const agent = createServer(traceRequests((_, response) => void response.end("hello"))).listen(port, async () => {
  await fetch(`http://localhost:${port}/`);
  agent.close();
});
