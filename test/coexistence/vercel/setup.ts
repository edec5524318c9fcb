import { OTLPHttpJsonTraceExporter, registerOTel } from "@vercel/otel";
import { trace } from "@opentelemetry/api";
import { onFlush } from "./flush.ts";

registerOTel({
  serviceName: "agent",
  traceExporter: new OTLPHttpJsonTraceExporter({ url: process.env["TRACES_URL"] as string }),
});

interface Flushes {
  getDelegate(): { forceFlush(): Promise<void> };
}
onFlush(() => (trace.getTracerProvider() as unknown as Flushes).getDelegate().forceFlush());
