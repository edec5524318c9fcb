// @vercel/otel, which instruments fetch; loaded before the client, by `--import`.
import { context, trace } from "@opentelemetry/api";
import { registerOTel } from "@vercel/otel";
import { registerPeer } from "../stacks/peer.ts";

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

registerPeer({
  within: (work) =>
    tracer.startActiveSpan("handle a request", async (span) => {
      await context.with(context.active(), work);
      span.end();
    }),
  settle: async () => provider.getDelegate?.().forceFlush?.(),
});
