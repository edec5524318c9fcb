import "./tracing.ts";
import { trace } from "@opentelemetry/api";
// #region readme
import { SpanKind } from "@opentelemetry/api";
import { continueTrace, injectTraceContext } from "a2a-otel";

// The producer stores the trace context with the work ...
const store = (body: string): string => JSON.stringify({ body, trace: injectTraceContext() });

// ... and the worker continues that trace, later and in another process.
const work = (row: string): Promise<void> => {
  const { body, trace: stored } = JSON.parse(row) as { body: string; trace: Record<string, string> };
  return continueTrace(stored, async () => console.log(`working on ${body}`), { name: "work", kind: SpanKind.CONSUMER });
};
// #endregion

const row = trace.getTracer("shop").startActiveSpan("order", (span) => {
  const stored = store("an order");
  span.end();
  return stored;
});
await work(row);
