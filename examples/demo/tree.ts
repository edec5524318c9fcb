import type { Span } from "../../tools/src/view/span.ts";

/**
 * Draws a trace as text: a headline, then one row for each span below its parent, ordered by start time. A span whose parent is missing is drawn
 * as a root, with a note.
 */
export function drawTrace(spans: readonly Span[]): string {
  const inOrder = spans.toSorted((a, b) => Number(a.start - b.start));
  const ids = new Set(spans.map((span) => span.spanId));
  const roots = inOrder.filter(({ parentSpanId }) => parentSpanId === undefined || !ids.has(parentSpanId));
  const children = Map.groupBy(inOrder, (span) => span.parentSpanId);

  const rows: Row[] = [];
  const draw = (span: Span, branch: string, trunk: string): void => {
    rows.push(row(span, branch, ids));
    const below = children.get(span.spanId) ?? [];
    for (const child of below) {
      const last = child === below.at(-1);
      draw(child, `${trunk}${last ? "`- " : "|- "}`, `${trunk}${last ? "   " : "|  "}`);
    }
  };
  for (const root of roots) draw(root, "", "");
  return [headline(spans), ...aligned(rows)].join("\n");
}

function headline(spans: readonly Span[]): string {
  const traceIds = [...new Set(spans.map((span) => span.traceId))].join(" ");
  const services = new Set(spans.map((span) => span.service)).size;
  const starts = spans.map((span) => span.start).toSorted((a, b) => Number(a - b));
  const ends = spans.map(endOf).toSorted((a, b) => Number(b - a));
  const duration = milliseconds((ends[0] ?? 0n) - (starts[0] ?? 0n));
  return `trace ${traceIds}, ${counted(services, "service")}, ${counted(spans.length, "span")}, ${duration}`;
}

/** Name, kind, service, duration and notes. */
type Row = readonly [string, string, string, string, string];

function row(span: Span, branch: string, ids: ReadonlySet<string>): Row {
  const { name, kind, service, start } = span;
  return [branch + name, kind === "INTERNAL" ? "" : kind, service, milliseconds(endOf(span) - start), notes(span, ids).join("  ")];
}

function notes({ attributes, status, parentSpanId, remoteParent }: Span, ids: ReadonlySet<string>): string[] {
  const text = (name: string): string | undefined => {
    const value = attributes[name];
    return typeof value === "string" || typeof value === "number" ? `${value}` : undefined;
  };
  const client = text("demo.client");
  const input = text("gen_ai.usage.input_tokens");
  const result: string[] = [];
  if (remoteParent === true) result.push("<- remote parent");
  if (parentSpanId !== undefined && !ids.has(parentSpanId)) result.push(`<- parent ${parentSpanId} is missing`);
  if (client !== undefined) result.push(client);
  if (input !== undefined) result.push(`${input} in / ${text("gen_ai.usage.output_tokens") ?? "?"} out`);
  if (status === "error") result.push(`ERROR ${text("error.type") ?? ""}`.trimEnd());
  return result;
}

/** The end of a span. A span that was exported before it ended counts as ending at its start. */
function endOf({ start, end }: Span): bigint {
  return end ?? start;
}

function milliseconds(nanoseconds: bigint): string {
  return `${Math.round(Number(nanoseconds) / 1e6)} ms`;
}

function aligned(rows: readonly Row[]): string[] {
  const width = (column: number): number => Math.max(...rows.map((cells) => cells[column]?.length ?? 0));
  const widths = [0, 1, 2, 3].map(width);
  return rows.map(([name, kind, service, duration, note]) => {
    const [names = 0, kinds = 0, services = 0, durations = 0] = widths;
    const cells = [name.padEnd(names), kind.padEnd(kinds), service.padEnd(services), duration.padStart(durations), note];
    return cells.join("  ").trimEnd();
  });
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
