import type { SpanView } from "../../model/span-view.ts";
import type { Row } from "./rows.ts";

/** Which spans are shown. */
export interface Filter {
  /** Words that must all be in the span's texts; case is ignored. */
  readonly query: string;
  readonly errorsOnly: boolean;
  /** The services that are hidden. */
  readonly hidden: ReadonlySet<string>;
}

export function isFiltering({ query, errorsOnly, hidden }: Filter): boolean {
  return query.trim() !== "" || errorsOnly || hidden.size > 0;
}

/** The rows that match the filter. */
export function findMatches(rows: readonly Row[], filter: Filter): Set<Row> {
  const words = filter.query.toLowerCase().split(/\s+/).filter(Boolean);
  return new Set(
    rows.filter(({ span }) => {
      if (filter.errorsOnly && span.failed !== true) return false;
      if (filter.hidden.has(span.service)) return false;
      if (words.length === 0) return true;
      const all = searchText(span);
      return words.every((word) => all.includes(word));
    }),
  );
}

const texts = new WeakMap<SpanView, string>();

/** The text that a search examines: names, ids, attributes as `key=value`, events. */
function searchText(span: SpanView): string {
  const known = texts.get(span);
  if (known !== undefined) return known;
  const pairs = [span, ...(span.events ?? [])].flatMap(({ attributes }) =>
    Object.entries(attributes).map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`),
  );
  const events = (span.events ?? []).map(({ name }) => name);
  const all = [span.name, span.service, span.kind, span.spanId, span.statusMessage ?? "", ...events, ...pairs]
    .join("\n")
    .toLowerCase();
  texts.set(span, all);
  return all;
}

/** Shows the matching rows and their ancestors, or without a filter all rows that are not inside a collapsed one. Returns the visible rows. */
export function showRows(rows: readonly Row[], collapsed: ReadonlySet<Row>, matches: ReadonlySet<Row> | undefined): Row[] {
  const leading = new Set<Row>();
  for (const row of matches ?? []) {
    for (let above = row.parent; above !== undefined && !leading.has(above); above = above.parent) leading.add(above);
  }
  let hiddenUntil = 0;
  return rows.filter((row) => {
    const { element, index, size } = row;
    const inCollapsed = index < hiddenUntil;
    if (!inCollapsed && collapsed.has(row) && matches === undefined) hiddenUntil = index + size + 1;
    const shown = matches === undefined ? !inCollapsed : matches.has(row) || leading.has(row);
    element.hidden = !shown;
    element.classList.toggle("beside", matches !== undefined && !matches.has(row));
    if (size > 0) element.setAttribute("aria-expanded", String(matches !== undefined || !collapsed.has(row)));
    return shown;
  });
}
