import type { SpanView } from "../model/span-view.ts";

/** A span with its place in the tree. */
export interface Row {
  readonly index: number;
  readonly span: SpanView;
  readonly parent: Row | undefined;
  /** The number of its descendants. */
  size: number;
  /** Its position among its siblings, from 1, and their number. */
  position: number;
  siblings: number;
}

/** Each span must follow its parent. */
export function buildRows(spans: readonly SpanView[]): Row[] {
  const path: Row[] = [];
  const rows = spans.map((span, index): Row => {
    path.length = span.depth;
    const row = { index, span, parent: path.at(-1), size: 0, position: 1, siblings: 1 };
    path.push(row);
    return row;
  });
  for (const { parent, size } of rows.toReversed()) if (parent !== undefined) parent.size += size + 1;
  for (const siblings of Map.groupBy(rows, ({ parent }) => parent).values()) {
    for (const [index, row] of siblings.entries()) Object.assign(row, { position: index + 1, siblings: siblings.length });
  }
  return rows;
}

/** Which spans are shown. */
export interface Filter {
  /** Words that must all be in the span's texts; case is ignored. */
  readonly query: string;
  readonly errorsOnly: boolean;
  /** The services that are hidden. */
  readonly hidden: ReadonlySet<string>;
}

export const NO_FILTER: Filter = { query: "", errorsOnly: false, hidden: new Set() };

/** The rows that match the filter; undefined if nothing is filtered. */
export function findMatches(rows: readonly Row[], { query, errorsOnly, hidden }: Filter): Set<Row> | undefined {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0 && !errorsOnly && hidden.size === 0) return undefined;
  return new Set(
    rows.filter(({ span }) => {
      if ((errorsOnly && span.failed !== true) || hidden.has(span.service)) return false;
      return words.every((word) => searchText(span).includes(word));
    }),
  );
}

const texts = new WeakMap<SpanView, string>();

/** The text that a search examines: names, ids, attributes as `key=value`, events. */
function searchText(span: SpanView): string {
  const known = texts.get(span);
  if (known !== undefined) return known;
  const events = span.events ?? [];
  const pairs = [span, ...events].flatMap(({ attributes }) =>
    Object.entries(attributes).map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`),
  );
  const { name, target = "", service, kind, spanId, statusMessage = "" } = span;
  const all = [name, target, service, kind, spanId, statusMessage, ...events.map((event) => event.name), ...pairs]
    .join("\n")
    .toLowerCase();
  texts.set(span, all);
  return all;
}

/** The matching rows and their ancestors, or without a filter all rows that are not inside a collapsed one. */
export function visibleRows(
  rows: readonly Row[],
  collapsed: ReadonlySet<string>,
  matches: ReadonlySet<Row> | undefined,
): readonly Row[] {
  if (matches === undefined) {
    let hiddenUntil = 0;
    return rows.filter(({ index, size, span }) => {
      if (index < hiddenUntil) return false;
      if (collapsed.has(span.spanId)) hiddenUntil = index + size + 1;
      return true;
    });
  }
  const shown = new Set(matches);
  for (const match of matches) {
    for (let above = match.parent; above !== undefined && !shown.has(above); above = above.parent) shown.add(above);
  }
  return rows.filter((row) => shown.has(row));
}
