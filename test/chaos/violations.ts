import type { RunningCall } from "./call.ts";
import type { When } from "./plan.ts";
import type { Visit } from "./server/visit.ts";
import type { SpanSeen } from "./spans.ts";
import { traceparentOf } from "./trace-ids.ts";
import type { Settled } from "./clients/usage.ts";

/** Describes what in the spans and headers of a call contradicts its outcome. */
export function callViolations(call: RunningCall, settled: Settled, spans: readonly SpanSeen[]): string[] {
  const { plan, requests } = call;
  const violations: string[] = [];
  const known = new Set(spans.map(({ id }) => id));
  if (known.size !== spans.length) violations.push("a span has ended twice");
  const prefix = traceparentOf(plan.index).slice(0, 35);
  const parents = requests.map(({ headers }) =>
    headers.filter(([name]) => name.toLowerCase() === "traceparent").map(([, value]) => value),
  );
  for (const values of parents) {
    if (values.length !== 1) violations.push(`a request with ${values.length} traceparent headers`);
    else if (values[0]?.startsWith(prefix) !== true) violations.push(`a request in another call's trace: ${values[0]}`);
    else if (!known.has(values[0].slice(36, 52))) violations.push("a request with the traceparent of no span");
  }
  const distinct = new Set(parents.flat());
  if (plan.usage.seesAttempts !== false && plan.fault.isResent !== true && distinct.size < requests.length)
    violations.push("two requests with one traceparent");
  if (spans.length === 0 && !isEarly(plan.abort)) violations.push("no span");
  const last = spans.at(-1);
  if (last !== undefined && spans.length === 1) violations.push(...contradictions(call, settled, last));
  return violations;
}

/** Codes of failures of the exchange itself, whose span must be an error. */
const OF_EXCHANGE =
  /^(?:ECONN|EPIPE|ETIMEDOUT|HPE_|UND_ERR_(?:SOCKET|HEADERS|BODY|CONNECT|RES_)|ERR_SSL|EPROTO|ERR_HTTP2|ERR_NETWORK)/;

/** Names and codes of errors of aborted calls. */
const GIVEN_UP = new Set(["AbortError", "CanceledError", "ERR_CANCELED", "ABORT_ERR"]);

function contradictions({ plan, signal }: RunningCall, settled: Settled, span: SpanSeen): string[] {
  const { status, errorType } = span;
  const ofStatus = typeof status === "number" && status >= 400 ? String(status) : undefined;
  if ("received" in settled) {
    const violations: string[] = [];
    if (status !== settled.received.status)
      violations.push(`answered ${settled.received.status}, but the span has ${String(status)}`);
    if (errorType !== ofStatus && plan.usage.leaves === undefined && plan.usage.hidesFailures !== true)
      violations.push(`answered ${settled.received.status}, but the span is an error: ${String(errorType)}`);
    return violations;
  }
  const codes = codesOf(settled.error);
  if (codes.includes("TimeoutError") || (nameOf(signal?.reason) === "TimeoutError" && plan.usage.hidesAbortReason !== true))
    return errorType === undefined ? ["a timeout, but the span is not an error"] : [];
  if (settled.error === signal?.reason || codes.some((code) => GIVEN_UP.has(code))) {
    return errorType === ofStatus ? [] : [`aborted, but the span is an error: ${String(errorType)}`];
  }
  if (codes.some((code) => OF_EXCHANGE.test(code)) && errorType === undefined)
    return [`failed with ${codes.join()}, but the span is not an error`];
  return [];
}

function nameOf(reason: unknown): unknown {
  return (reason as { name?: unknown } | undefined)?.name;
}

/** Whether a call is aborted before its client has done anything. */
function isEarly(when: When | undefined): boolean {
  return when === "before it begins" || when === "at once" || (typeof when === "object" && "microtasks" in when);
}

/** The codes and names of an error and of what caused it. */
function codesOf(error: unknown, depth = 0): string[] {
  if (typeof error !== "object" || error === null || depth > 4) return [];
  const { code, name, cause } = error as { code?: unknown; name?: unknown; cause?: unknown };
  return [code, name].filter((text) => typeof text === "string").concat(codesOf(cause, depth + 1));
}

/** Describes what in the spans of a visit to a server contradicts its outcome. */
export function visitViolations(
  { visitor, handler, handled, notes }: Visit,
  received: string,
  spans: readonly SpanSeen[],
): string[] {
  const violations: string[] = [];
  if (visitor.isUntraced === true) return violations;
  if (spans.length !== handled) violations.push(`${handled} requests handled, ${spans.length} spans`);
  if (visitor.waits !== "for all" || notes.includes("stuck")) return violations;
  const answered = [...received.matchAll(/(?:HTTP\/1\.1|answered) (\d+)/g)]
    .map(([, status]) => Number(status))
    .filter((status) => status >= 200);
  for (const [i, status] of answered.entries()) {
    const recorded = spans[i]?.status;
    const errorType = spans[i]?.errorType as string | undefined;
    if (recorded !== status) violations.push(`answered ${status}, but the span has ${String(recorded)}: ${handler.name}`);
    if (status >= 500 && errorType === undefined) violations.push(`answered ${status}, but the span is not an error`);
    if (status < 500 && errorType !== undefined && !/destroys|resets/.test(handler.name))
      violations.push(`answered ${status}, but the span is an error: ${errorType}`);
  }
  return violations;
}
