import type { SpanView } from "../../model/span-view.ts";
import { el, setVariables } from "../dom/elements.ts";
import { duration, whole } from "../dom/format.ts";

/** A span with its row in the waterfall. */
export interface Row {
  readonly index: number;
  readonly span: SpanView;
  readonly element: HTMLElement;
  readonly parent: Row | undefined;
  /** The number of its descendants. */
  size: number;
}

/** Creates the rows. Each span must follow its parent. */
export function createRows(spans: readonly SpanView[], colourOf: ReadonlyMap<string, number>): Row[] {
  const rows: Row[] = [];
  const path: Row[] = [];
  for (const [index, span] of spans.entries()) {
    path.length = span.depth;
    const parent = path.at(-1);
    const row: Row = { index, span, parent, size: 0, element: rowElement(span, colourOf.get(span.service) ?? 0) };
    rows.push(row);
    path.push(row);
  }
  for (const { parent, size } of rows.toReversed()) if (parent !== undefined) parent.size += size + 1;
  describePlaces(rows);
  return rows;
}

/** Describes the position of each row in the tree for assistive technology. */
function describePlaces(rows: readonly Row[]): void {
  for (const siblings of Map.groupBy(rows, ({ parent }) => parent).values()) {
    for (const [index, { element }] of siblings.entries()) {
      element.setAttribute("aria-posinset", String(index + 1));
      element.setAttribute("aria-setsize", String(siblings.length));
    }
  }
  for (const { element, index, size, span } of rows) {
    element.setAttribute("aria-level", String(span.depth + 1));
    // Row 1 is the heading.
    element.setAttribute("aria-rowindex", String(index + 2));
    if (size > 0) element.setAttribute("aria-expanded", "true");
  }
}

/** Deeper spans are not indented further, because their names would not be visible. */
const MAX_INDENT = 24;

function rowElement(span: SpanView, colour: number): HTMLElement {
  const { name, target, kind, service, depth, start, own, failed, unfinished, misplaced, usage } = span;
  const element = el(
    "div",
    {
      role: "row",
      class: `row c${colour}${span.entry ? " entry" : ""}${failed ? " failed" : ""}${unfinished ? " unfinished" : ""}`,
      id: `span-${span.spanId}`,
      tabindex: -1,
    },
    el(
      "div",
      { role: "gridcell", class: "name", title: target === undefined ? name : `${name} ${target}` },
      el("span", { class: "twisty", "aria-hidden": "true" }),
      el("span", { class: "swatch", "aria-hidden": "true" }),
      failed && mark("✕", "Error", "error"),
      (unfinished || misplaced) &&
        mark("!", unfinished ? "No end" : misplaced === "circular" ? "Circular" : "Parent missing", "warning"),
      el("span", { class: "text" }, name === "" ? "(no name)" : name),
      target !== undefined && " ",
      target !== undefined && el("span", { class: "target" }, target),
      " ",
      el("span", { class: "service" }, service),
      kind !== "INTERNAL" && " ",
      kind !== "INTERNAL" && el("span", { class: "kind" }, kind),
      usage && el("span", { class: "tokens" }, `${whole(usage.input)} in, ${whole(usage.output)} out`),
    ),
    el("div", { role: "gridcell", class: "time" }, unfinished ? "no end" : duration(span.duration)),
    el(
      "div",
      { role: "gridcell", class: "track", "aria-label": `from ${duration(start)}, own time ${duration(own)}` },
      ...bars(span),
    ),
  );
  setVariables(element, { depth: Math.min(depth, MAX_INDENT) });
  return element;
}

function mark(sign: string, meaning: string, kind: string): HTMLElement {
  return el("span", { class: `mark ${kind}`, role: "img", "aria-label": meaning, title: meaning }, sign);
}

/** A pale bar for the duration, and filled bars for the own time. */
function bars({ start, duration: lasts, ownParts = [0, lasts], events = [] }: SpanView): HTMLElement[] {
  const made = [bar("bar", start, start + lasts)];
  for (let index = 0; index + 1 < ownParts.length; index += 2) {
    made.push(bar("own", start + (ownParts[index] ?? 0), start + (ownParts[index + 1] ?? 0)));
  }
  for (const { time, name } of events.slice(0, 50)) made.push(bar(name === "exception" ? "event exception" : "event", time, time));
  return made;
}

function bar(kind: string, from: number, to: number): HTMLElement {
  const element = el("span", { class: kind });
  setVariables(element, { s: from, e: to });
  return element;
}
