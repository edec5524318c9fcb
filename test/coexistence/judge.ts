import type { SeenSpan } from "./span.ts";

/** The caller that the driver pretends to be. */
export interface Caller {
  readonly traceId: string;
  readonly spanId: string;
}

const ONCE = ["traceparent", "tracestate", "baggage", "sentry-trace", "x-datadog-trace-id", "x-datadog-parent-id"];

/** What is wrong with a call of one agent to another, by what the other was sent and by the spans; nothing where all is right. */
export function judge(caller: Caller, rawHeaders: readonly string[], all: readonly SeenSpan[]): string[] {
  return [...judgeHeaders(caller, rawHeaders), ...judgeSpans(caller, parentOnWire(rawHeaders), all)];
}

function judgeHeaders({ traceId }: Caller, rawHeaders: readonly string[]): string[] {
  const wrong: string[] = [];
  for (const name of ONCE) {
    const count = valuesOf(rawHeaders, name).length;
    if (count > 1) wrong.push(`${name} in ${count} lines`);
  }
  const parents = valuesOf(rawHeaders, "traceparent").flatMap((value) => value.split(","));
  if (parents.length === 0) wrong.push("no traceparent");
  else if (parents.length > 1) wrong.push(`${parents.length} values of traceparent`);
  else if (parents[0]?.slice(3, 35) !== traceId) wrong.push("another trace in traceparent");
  const members = valuesOf(rawHeaders, "baggage").flatMap((value) =>
    value.split(",").map((member) => member.split("=")[0]?.trim()),
  );
  if (!members.includes("tenant")) wrong.push("baggage lost");
  if (new Set(members).size !== members.length) wrong.push("a member of baggage twice");
  return wrong;
}

function judgeSpans(caller: Caller, onWire: string | undefined, all: readonly SeenSpan[]): string[] {
  const wrong: string[] = [];
  const spans = all.filter(({ traceId }) => isOf(caller, traceId));
  const clients = spans.filter(({ kind }) => kind === "CLIENT");
  const servers = spans.filter(({ kind }) => kind === "SERVER");
  if (clients.length !== 1) wrong.push(`${clients.length} CLIENT spans${makers(clients)}`);
  if (servers.length !== 2) wrong.push(`${servers.length} SERVER spans${makers(servers)}`);
  if (clients.length === 0 || servers.length === 0) return wrong;

  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const isBelow = (span: SeenSpan | undefined, id: string): boolean =>
    span !== undefined && (span.parentId === id || (span.parentId !== undefined && isBelow(byId.get(span.parentId), id)));
  const first = servers.filter(({ parentId }) => parentId === caller.spanId);
  if (first.length === 0) wrong.push("no SERVER span is under the caller");
  else if (clients.some((span) => !first.some(({ spanId }) => isBelow(span, spanId))))
    wrong.push("a CLIENT span is under no SERVER span");
  if (!clients.some(({ spanId }) => spanId === onWire)) wrong.push("traceparent names no CLIENT span");
  if (!servers.some(({ parentId }) => clients.some(({ spanId }) => spanId === parentId)))
    wrong.push("no SERVER span under a CLIENT span");
  return wrong;
}

/** Whether a trace id is that of the caller. Datadog sends the upper half only once and omits it from later payloads. */
function isOf(caller: Caller, traceId: string): boolean {
  return traceId === caller.traceId || traceId === `${"0".repeat(16)}${caller.traceId.slice(16)}`;
}

function makers(spans: readonly SeenSpan[]): string {
  return spans.length === 0
    ? ""
    : ` (${spans
        .map(({ by }) => by)
        .toSorted()
        .join(", ")})`;
}

function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
}

function parentOnWire(rawHeaders: readonly string[]): string | undefined {
  return valuesOf(rawHeaders, "traceparent")[0]?.slice(36, 52);
}
