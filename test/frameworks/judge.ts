import { SpanKind } from "@opentelemetry/api";
import type { AgentSpan } from "./agent-process.ts";

/** The caller that the driver is for an agent. */
export interface Caller {
  readonly traceId: string;
  readonly spanId: string;
}

/** A request as it was on the wire. */
export interface WireRequest {
  readonly to: "model" | "agent";
  readonly path: string;
  readonly rawHeaders: readonly string[];
}

/** What is wrong with the trace of one operation; empty if all is right. */
export function judge(caller: Caller, spans: readonly AgentSpan[], wire: readonly WireRequest[]): string[] {
  return [
    ...judgeTree(caller, spans),
    ...judgeCounts(spans, wire),
    ...wire.flatMap((request) => judgeWire(caller, spans, request)),
  ];
}

function judgeTree({ traceId, spanId }: Caller, spans: readonly AgentSpan[]): string[] {
  const ids = new Set([spanId, ...spans.map((span) => span.spanId)]);
  return spans.flatMap((span) => {
    if (span.traceId !== traceId) return [`${describe(span)} is in another trace`];
    return span.parentId !== undefined && ids.has(span.parentId) ? [] : [`the parent of ${describe(span)} is not there`];
  });
}

/** Each request on the wire has one CLIENT span, and each that an agent has received one SERVER span. */
function judgeCounts(spans: readonly AgentSpan[], wire: readonly WireRequest[]): string[] {
  const clients = httpSpans(spans, SpanKind.CLIENT);
  const servers = httpSpans(spans, SpanKind.SERVER);
  const agents = wire.filter(({ to }) => to === "agent").length;
  const problems: string[] = [];
  if (clients.length !== wire.length) problems.push(`${clients.length} CLIENT spans of HTTP for ${wire.length} requests`);
  // The first agent's request comes from the driver.
  if (servers.length !== agents + 1) problems.push(`${servers.length} SERVER spans of HTTP for ${agents + 1} requests`);
  return problems;
}

function judgeWire({ traceId }: Caller, spans: readonly AgentSpan[], { to, path, rawHeaders }: WireRequest): string[] {
  const problems: string[] = [];
  const parents = valuesOf(rawHeaders, "traceparent").flatMap((value) => value.split(","));
  const [, sentTrace, sentSpan] = parents[0]?.split("-") ?? [];
  if (parents.length !== 1) problems.push(`${parents.length} traceparent headers`);
  else if (sentTrace !== traceId) problems.push("another trace in traceparent");
  else if (!httpSpans(spans, SpanKind.CLIENT).some(({ spanId }) => spanId === sentSpan))
    problems.push("traceparent names no CLIENT span");
  const baggage = valuesOf(rawHeaders, "baggage").join(",");
  if (to === "model" && baggage !== "") problems.push(`baggage ${baggage}`);
  if (to === "agent" && baggage !== "tenant=acme") problems.push(`baggage "${baggage}" instead of "tenant=acme"`);
  return problems.map((problem) => `${problem} in a request for ${path.replace(/\?.*/, "")}`);
}

function httpSpans(spans: readonly AgentSpan[], kind: SpanKind): AgentSpan[] {
  return spans.filter((span) => span.kind === kind && span.attributes["http.request.method"] !== undefined);
}

function describe({ scope, name }: AgentSpan): string {
  return `"${name}" of ${scope}`;
}

function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}

/** The spans as a tree, for documentation. */
export function treeOf({ spanId }: Caller, spans: readonly AgentSpan[]): string {
  const ids = new Set(spans.map((span) => span.spanId));
  const lines = (parent: string | undefined, depth: number): string[] =>
    spans
      .filter(({ parentId }) => (parent === undefined ? parentId !== spanId && !ids.has(parentId ?? "") : parentId === parent))
      .flatMap((span) => [
        `${"  ".repeat(depth)}${SpanKind[span.kind]} ${span.name} (${span.scope})`,
        ...lines(span.spanId, depth + 1),
      ]);
  const rest = lines(undefined, 1);
  return [...lines(spanId, 0), ...(rest.length === 0 ? [] : ["elsewhere:", ...rest])].join("\n");
}
