/** The SDK of the examples: it prints each span when the span ends. A real service starts its own SDK, with an exporter. */
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
