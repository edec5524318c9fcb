import { SpanKind, trace } from "@opentelemetry/api";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { continueTrace } from "../../src/index.ts";
import { setupPropagation } from "../../src/setup.ts";

/** A process that takes a task from a queue, and reports the span that it works in. */
trace.setGlobalTracerProvider(
  new TracerProvider({
    spanProcessors: [
      {
        onStart: () => {},
        onEnd: (span) =>
          void process.send?.({
            name: span.name,
            traceId: span.spanContext().traceId,
            parentId: span.parentSpanContext?.spanId,
          }),
        forceFlush: () => Promise.resolve(),
        shutdown: () => Promise.resolve(),
      },
    ],
  }),
);
setupPropagation();
const row = JSON.parse(process.argv[2] ?? "{}") as { trace: Record<string, string> };
await continueTrace(row.trace, () => Promise.resolve(), { name: "work", kind: SpanKind.CONSUMER });
