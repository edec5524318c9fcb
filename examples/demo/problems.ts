import type { Span } from "../../tools/src/view/span.ts";

/** Returns the reasons why these spans are not one complete trace across the services; empty if they are. */
export function findProblems(spans: readonly Span[], services: readonly string[]): string[] {
  const problems: string[] = [];
  const traceIds = new Set(spans.map((span) => span.traceId));
  if (traceIds.size !== 1) problems.push(`expected one trace id, received ${traceIds.size}: ${[...traceIds].join(", ")}`);
  for (const service of services) {
    if (!spans.some((span) => span.service === service)) problems.push(`received no span of ${service}`);
  }
  const ids = new Set(spans.map((span) => span.spanId));
  for (const { name, service, parentSpanId } of spans) {
    if (parentSpanId !== undefined && !ids.has(parentSpanId)) {
      problems.push(`the parent ${parentSpanId} of "${name}" in ${service} is missing`);
    }
  }
  return problems;
}
