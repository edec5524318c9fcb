// @vercel/otel, which instruments fetch, with an exporter that discards the spans. Loaded with `--import`, before the client.
import { context, trace } from "@opentelemetry/api";
import { registerOTel } from "@vercel/otel";
import { registerInstrumentation } from "../whole-clients/instrumentation.ts";

const exporter = {
  export: (_spans: unknown, done: (result: { code: number }) => void): void => done({ code: 0 }),
  shutdown: async (): Promise<void> => {},
};
registerOTel({
  serviceName: "agent",
  traceExporter: exporter,
  instrumentationConfig: { fetch: { propagateContextUrls: ["*"], dontPropagateContextUrls: [] } },
});

const tracer = trace.getTracer("agent");
const provider = trace.getTracerProvider() as { getDelegate?: () => { forceFlush?: () => Promise<void> } };

registerInstrumentation({
  runInRequestSpan: (work) =>
    tracer.startActiveSpan("handle a request", async (span) => {
      await context.with(context.active(), work);
      span.end();
    }),
  flush: async () => provider.getDelegate?.().forceFlush?.(),
});
