import { duration, many } from "./format.ts";
import type { SpanNode } from "./tree.ts";

/** Warnings about the data of a trace. */
export function notices(nodes: readonly SpanNode[], refused: number): string[] {
  const messages: string[] = [];
  const orphans = nodes.filter(({ misplaced }) => misplaced === "parent missing").length;
  if (orphans > 0) {
    const spans = many(orphans, "span has a parent that was", "spans have parents that were");
    messages.push(`${spans} not received: it is not exported, not sampled, or arrives later. Such a span is shown as a root.`);
  }
  const circular = nodes.filter(({ misplaced }) => misplaced === "circular").length;
  if (circular > 0) {
    messages.push(`${many(circular, "span is its own ancestor", "spans are their own ancestors")}: two spans have the same id.`);
  }
  const unfinished = nodes.filter(({ span }) => span.end === undefined).length;
  if (unfinished > 0) {
    messages.push(`${many(unfinished, "span was", "spans were")} exported before the end and drawn up to the end of the trace.`);
  }
  const backwards = nodes.filter(({ span }) => span.end !== undefined && span.end < span.start).length;
  if (backwards > 0) {
    messages.push(
      `${many(backwards, "span ends before it begins", "spans end before they begin")}: shown with a duration of zero.`,
    );
  }
  for (const [service, shift] of shifts(nodes)) {
    const direction = shift < 0 ? "ahead of" : "behind";
    messages.push(
      `The clock of ${service} is about ${duration(Math.abs(shift))} ${direction} the clocks of its callers. Its spans are moved into the calls that they belong to.`,
    );
  }
  if (refused > 0)
    messages.push(`${many(refused, "span was", "spans were")} refused, because the trace has more spans than are kept.`);
  return messages;
}

/** The largest shift of each service whose clock differs by a millisecond or more. */
function shifts(nodes: readonly SpanNode[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { entry, shift, span } of nodes) {
    const known = found.get(span.service) ?? 0;
    if (entry && Math.abs(shift) >= 1 && Math.abs(shift) > Math.abs(known)) found.set(span.service, shift);
  }
  return found;
}
