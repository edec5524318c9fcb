import type { RunningCall } from "./call.ts";
import type { When } from "./plan.ts";
import type { Visit } from "./server/visit.ts";
import type { SpanSeen } from "./spans.ts";
import { traceparentOf } from "./trace-ids.ts";
import type { Told } from "./ways/way.ts";

/** What the spans and the headers of a call say that cannot be, considering what became of it. */
export function flawsOf(call: RunningCall, settled: { told: Told } | { error: unknown }, spans: readonly SpanSeen[]): string[] {
  const { plan, requests } = call;
  const flaws: string[] = [];
  const known = new Set(spans.map(({ id }) => id));
  if (known.size !== spans.length) flaws.push("a span has ended twice");
  const prefix = traceparentOf(plan.index).slice(0, 35);
  const parents = requests.map(({ headers }) =>
    headers.filter(([name]) => name.toLowerCase() === "traceparent").map(([, value]) => value),
  );
  for (const values of parents) {
    if (values.length !== 1) flaws.push(`a request with ${values.length} traceparent headers`);
    else if (values[0]?.startsWith(prefix) !== true) flaws.push(`a request in another call's trace: ${values[0]}`);
    else if (!known.has(values[0].slice(36, 52))) flaws.push("a request with a traceparent that is no span's");
  }
  const distinct = new Set(parents.flat());
  if (plan.way.seesAttempts !== false && plan.fault.isResent !== true && distinct.size < requests.length)
    flaws.push("two requests with one traceparent");
  if (spans.length === 0 && !isEarly(plan.abort)) flaws.push("no span");
  const last = spans.at(-1);
  if (last !== undefined && spans.length === 1) flaws.push(...contradictions(call, settled, last));
  return flaws;
}

/** Codes of failures that are the exchange's own: its span has to be an error. */
const OF_EXCHANGE =
  /^(?:ECONN|EPIPE|ETIMEDOUT|HPE_|UND_ERR_(?:SOCKET|HEADERS|BODY|CONNECT|RES_)|ERR_SSL|EPROTO|ERR_HTTP2|ERR_NETWORK)/;

/** How clients say that a call was given up. */
const GIVEN_UP = new Set(["AbortError", "CanceledError", "ERR_CANCELED", "ABORT_ERR"]);

function contradictions({ plan, signal }: RunningCall, settled: { told: Told } | { error: unknown }, span: SpanSeen): string[] {
  const { status, errorType } = span;
  const ofStatus = typeof status === "number" && status >= 400 ? String(status) : undefined;
  if ("told" in settled) {
    const flaws: string[] = [];
    if (status !== settled.told.status) flaws.push(`answered ${settled.told.status}, but the span says ${String(status)}`);
    if (errorType !== ofStatus && plan.way.leaves === undefined && plan.way.hidesFailures !== true)
      flaws.push(`answered ${settled.told.status}, but the span is an error: ${String(errorType)}`);
    return flaws;
  }
  const codes = codesOf(settled.error);
  if (codes.includes("TimeoutError") || (nameOf(signal?.reason) === "TimeoutError" && plan.way.tellsNoReason !== true))
    return errorType === undefined ? ["a timeout, but the span is no error"] : [];
  if (settled.error === signal?.reason || codes.some((code) => GIVEN_UP.has(code))) {
    return errorType === ofStatus ? [] : [`given up, but the span is an error: ${String(errorType)}`];
  }
  if (codes.some((code) => OF_EXCHANGE.test(code)) && errorType === undefined)
    return [`failed with ${codes.join()}, but the span is no error`];
  return [];
}

function nameOf(reason: unknown): unknown {
  return (reason as { name?: unknown } | undefined)?.name;
}

/** Whether a call is given up before its client has done anything. */
function isEarly(when: When | undefined): boolean {
  return when === "before it begins" || when === "at once" || (typeof when === "object" && "microtasks" in when);
}

/** The codes and names of an error and of what caused it. */
function codesOf(error: unknown, depth = 0): string[] {
  if (typeof error !== "object" || error === null || depth > 4) return [];
  const { code, name, cause } = error as { code?: unknown; name?: unknown; cause?: unknown };
  return [code, name].filter((text) => typeof text === "string").concat(codesOf(cause, depth + 1));
}

/** Likewise for a visit to a server. */
export function flawsOfVisit({ visitor, handler, handled, notes }: Visit, received: string, spans: readonly SpanSeen[]): string[] {
  const flaws: string[] = [];
  if (visitor.isUntraced === true) return flaws;
  if (spans.length !== handled) flaws.push(`${handled} requests handled, ${spans.length} spans`);
  if (visitor.waits !== "for all" || notes.includes("stuck")) return flaws;
  const answered = [...received.matchAll(/(?:HTTP\/1\.1|answered) (\d+)/g)]
    .map(([, status]) => Number(status))
    .filter((status) => status >= 200);
  for (const [i, status] of answered.entries()) {
    const told = spans[i]?.status;
    const errorType = spans[i]?.errorType as string | undefined;
    if (told !== status) flaws.push(`answered ${status}, but the span says ${String(told)}: ${handler.name}`);
    if (status >= 500 && errorType === undefined) flaws.push(`answered ${status}, but the span is no error`);
    if (status < 500 && errorType !== undefined && !/destroys|resets/.test(handler.name))
      flaws.push(`answered ${status}, but the span is an error: ${errorType}`);
  }
  return flaws;
}
