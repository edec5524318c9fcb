/** An SDK for the examples: it prints each span as it ends. Your service has its own, with an exporter. */
import { SpanKind, trace } from "@opentelemetry/api";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { setupPropagation } from "a2a-otel/setup";

trace.setGlobalTracerProvider(
  new TracerProvider({
    spanProcessors: [
      {
        onStart: () => {},
        onEnd: (span) => {
          const parent = span.parentSpanContext
            ? span.parentSpanContext.isRemote === true
              ? "remote parent"
              : "local parent"
            : "root";
          console.log(`${SpanKind[span.kind]} ${span.name} (${parent})`);
        },
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
  }),
);
setupPropagation();
