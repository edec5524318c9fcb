import type { Span } from "../../tools/src/view/span.ts";

/** What keeps these spans from being one whole trace across the services: nothing, if all is well. */
export function flaws(spans: readonly Span[], services: readonly string[]): string[] {
  const found: string[] = [];
  const traceIds = new Set(spans.map((span) => span.traceId));
  if (traceIds.size !== 1)
    found.push(`there are ${traceIds.size} trace ids where there should be one: ${[...traceIds].join(", ")}`);
  for (const service of services) {
    if (!spans.some((span) => span.service === service)) found.push(`no span of ${service} came in`);
  }
  const ids = new Set(spans.map((span) => span.spanId));
  for (const { name, service, parentSpanId } of spans) {
    if (parentSpanId !== undefined && !ids.has(parentSpanId)) {
      found.push(`the parent ${parentSpanId} of "${name}" in ${service} did not come in`);
    }
  }
  return found;
}
