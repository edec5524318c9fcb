import type { SpanView } from "../../model/span-view.ts";
import type { Row } from "./rows.ts";

/** Which spans are asked for. */
export interface Filter {
  /** Each word must be in the span's texts, in any letter case. */
  readonly query: string;
  readonly errorsOnly: boolean;
  /** Services that are left out. */
  readonly hidden: ReadonlySet<string>;
}

export function isFiltering({ query, errorsOnly, hidden }: Filter): boolean {
  return query.trim() !== "" || errorsOnly || hidden.size > 0;
}

/** Which rows fit. */
export function fitting(rows: readonly Row[], filter: Filter): Set<Row> {
  const words = filter.query.toLowerCase().split(/\s+/).filter(Boolean);
  return new Set(
    rows.filter(({ span }) => {
      if (filter.errorsOnly && span.status !== "error") return false;
      if (filter.hidden.has(span.service)) return false;
      if (words.length === 0) return true;
      const all = searched(span);
      return words.every((word) => all.includes(word));
    }),
  );
}

const texts = new WeakMap<SpanView, string>();

/** What a search looks through: names, ids, attributes as `key=value`, events. */
function searched(span: SpanView): string {
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

/** Shows rows: those that fit and all above them while filtering, else those that are not in a collapsed one. Returns them in order. */
export function showRows(rows: readonly Row[], collapsed: ReadonlySet<Row>, fits: ReadonlySet<Row> | undefined): Row[] {
  const leading = new Set<Row>();
  for (const row of fits ?? []) {
    for (let above = row.parent; above !== undefined && !leading.has(above); above = above.parent) leading.add(above);
  }
  let hiddenUntil = 0;
  return rows.filter((row) => {
    const { element, index, size } = row;
    const inCollapsed = index < hiddenUntil;
    if (!inCollapsed && collapsed.has(row) && fits === undefined) hiddenUntil = index + size + 1;
    const shown = fits === undefined ? !inCollapsed : fits.has(row) || leading.has(row);
    element.hidden = !shown;
    element.classList.toggle("beside", fits !== undefined && !fits.has(row));
    if (size > 0) element.setAttribute("aria-expanded", String(fits !== undefined || !collapsed.has(row)));
    return shown;
  });
}
