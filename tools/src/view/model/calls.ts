import { hostOf, isFailure } from "./http.ts";
import type { SpanNode } from "./tree.ts";

/** The calls from one service to another. Times are milliseconds. */
export interface Calls {
  readonly caller: string;
  readonly callee: string;
  /** Whether the callee has no span in this trace: it is not traced, or the trace context did not reach it. */
  readonly outside: boolean;
  readonly calls: number;
  readonly errors: number;
  /** The sum of all durations, as measured by the caller. */
  readonly total: number;
  readonly slowest: number;
}

interface Call {
  readonly caller: string;
  readonly callee: string;
  readonly outside: boolean;
  readonly duration: number;
  readonly failed: boolean;
}

/** The calls between services, and the calls to services outside of the trace, in the order of the first call of each pair. */
export function callsOf(nodes: readonly SpanNode[]): Calls[] {
  const found = nodes.toSorted((a, b) => a.start - b.start).flatMap((node) => callWithin(node) ?? []);
  const outward = outsideCalls(nodes);
  const groups = Map.groupBy([...found, ...outward], ({ caller, callee, outside }) => JSON.stringify([caller, callee, outside]));
  return [...groups.values()].map((calls) => {
    const [{ caller, callee, outside }] = calls as [Call];
    return {
      caller,
      callee,
      outside,
      calls: calls.length,
      errors: calls.filter(({ failed }) => failed).length,
      total: calls.reduce((sum, { duration }) => sum + duration, 0),
      slowest: calls.reduce((slowest, { duration }) => Math.max(slowest, duration), 0),
    };
  });
}

function callWithin(callee: SpanNode): Call | undefined {
  const { parent, span, entry } = callee;
  if (!entry || parent === undefined) return undefined;
  const seen = parent.span.kind === "CLIENT" ? parent : callee;
  const failed = isFailure(span) || (seen === parent && isFailure(parent.span));
  return { caller: parent.span.service, callee: span.service, outside: false, duration: seen.end - seen.start, failed };
}

/** The CLIENT and PRODUCER spans without another call below them, if an attribute names their callee. */
function outsideCalls(nodes: readonly SpanNode[]): Call[] {
  const calling = new Set<SpanNode>();
  const outward: Call[] = [];
  for (const node of nodes.toReversed()) {
    const { span, parent, start, end } = node;
    const calls = span.kind === "CLIENT" || span.kind === "PRODUCER";
    const callee = calls && !calling.has(node) ? calleeName(node) : undefined;
    if (callee !== undefined) {
      outward.unshift({ caller: span.service, callee, outside: true, duration: end - start, failed: isFailure(span) });
    }
    if (parent !== undefined && (calls || node.entry || calling.has(node))) calling.add(parent);
  }
  return outward;
}

const CALLEES = [
  "peer.service",
  "service.peer.name",
  "server.address",
  "net.peer.name",
  "messaging.destination.name",
  "gen_ai.provider.name",
  "gen_ai.system",
  "db.system.name",
  "db.system",
  "messaging.system",
];

function calleeName({ span: { attributes } }: SpanNode): string | undefined {
  for (const name of CALLEES) {
    const value = attributes[name];
    if (typeof value === "string" && value !== "") return name === "server.address" ? hostOf(attributes) : value;
  }
  return undefined;
}
