import type { ReceivedSpan } from "./otlp.ts";

/**
 * Draws a trace: a line about the whole, then a row for each span beneath its parent, in the order of their beginning. A span whose parent
 * is not among them stands at the left like a root, and says so.
 */
export function drawTrace(spans: readonly ReceivedSpan[]): string {
  const inOrder = spans.toSorted((a, b) => a.start - b.start);
  const ids = new Set(spans.map((span) => span.spanId));
  const roots = inOrder.filter(({ parentSpanId }) => parentSpanId === undefined || !ids.has(parentSpanId));
  const children = Map.groupBy(inOrder, (span) => span.parentSpanId);

  const rows: Row[] = [];
  const draw = (span: ReceivedSpan, branch: string, trunk: string): void => {
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

function headline(spans: readonly ReceivedSpan[]): string {
  const traceIds = [...new Set(spans.map((span) => span.traceId))].join(" ");
  const services = new Set(spans.map((span) => span.service)).size;
  const start = Math.min(...spans.map((span) => span.start));
  const end = Math.max(...spans.map((span) => span.end));
  return `trace ${traceIds}, ${counted(services, "service")}, ${counted(spans.length, "span")}, ${Math.round(end - start)} ms`;
}

/** Name, kind, service, duration, and what else there is to say. */
type Row = readonly [string, string, string, string, string];

function row(span: ReceivedSpan, branch: string, ids: ReadonlySet<string>): Row {
  const { name, kind, service, start, end } = span;
  return [branch + name, kind === "INTERNAL" ? "" : kind, service, `${Math.round(end - start)} ms`, notes(span, ids).join("  ")];
}

function notes({ attributes, failed, parentSpanId, remoteParent }: ReceivedSpan, ids: ReadonlySet<string>): string[] {
  const text = (name: string): string | undefined => {
    const value = attributes[name];
    return typeof value === "string" || typeof value === "number" ? `${value}` : undefined;
  };
  const client = text("demo.client");
  const input = text("gen_ai.usage.input_tokens");
  const said: string[] = [];
  if (remoteParent) said.push("<- remote parent");
  if (parentSpanId !== undefined && !ids.has(parentSpanId)) said.push(`<- parent ${parentSpanId} is not here`);
  if (client !== undefined) said.push(client);
  if (input !== undefined) said.push(`${input} in / ${text("gen_ai.usage.output_tokens") ?? "?"} out`);
  if (failed) said.push(`ERROR ${text("error.type") ?? ""}`.trimEnd());
  return said;
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
