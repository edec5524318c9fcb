import { duration, many } from "../browser/dom/format.ts";
import type { SpanNode } from "./tree.ts";

/** What to know of a trace before believing its picture. */
export function notices(nodes: readonly SpanNode[], refused: number): string[] {
  const said: string[] = [];
  const orphans = nodes.filter(({ misplaced }) => misplaced === "parent missing").length;
  if (orphans > 0) {
    const spans = many(orphans, "span names a parent that is", "spans name parents that are");
    said.push(`${spans} not here: not exported, not sampled, or still to come. Such a span stands at the left, like a root.`);
  }
  const circular = nodes.filter(({ misplaced }) => misplaced === "circular").length;
  if (circular > 0) {
    said.push(
      `${many(circular, "span is its own ancestor", "spans are their own ancestors")}: two spans must have been given the same id.`,
    );
  }
  const unfinished = nodes.filter(({ span }) => span.end === undefined).length;
  if (unfinished > 0) {
    said.push(`${many(unfinished, "span was", "spans were")} sent before the end, and drawn to the end of the trace.`);
  }
  const backwards = nodes.filter(({ span }) => span.end !== undefined && span.end < span.start).length;
  if (backwards > 0) {
    said.push(`${many(backwards, "span ends before it begins", "spans end before they begin")}: shown as if it took no time.`);
  }
  for (const [service, shift] of shifts(nodes)) {
    const direction = shift < 0 ? "ahead of" : "behind";
    said.push(
      `The clock of ${service} is about ${duration(Math.abs(shift))} ${direction} its callers'. Its spans are moved to lie inside the calls that they answer.`,
    );
  }
  if (refused > 0) said.push(`${many(refused, "span was", "spans were")} refused: the trace has as many as are kept.`);
  return said;
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
