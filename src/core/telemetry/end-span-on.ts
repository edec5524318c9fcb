import { describe } from "./check-options.ts";
import { safeCall, warnOnce } from "./diagnostics.ts";
import type { SpanEnd } from "./options.ts";

type Decide = (exchange: { request: unknown; response: unknown }) => SpanEnd;

/**
 * Whether a span ends with the headers of a response. A function that throws, or that returns another value, leaves the default: the end of the response.
 *
 * @param request as hooks receive it, like `response`.
 */
export function endsWithHeaders(endSpanOn: SpanEnd | Decide | undefined, request: unknown, response: unknown): boolean {
  if (typeof endSpanOn !== "function") return endSpanOn === "headers";
  return safeCall("endSpanOn", decide, endSpanOn, { request, response }) === "headers";
}

function decide(endSpanOn: Decide, exchange: Parameters<Decide>[0]): unknown {
  const end: unknown = endSpanOn(exchange);
  if (end !== "response" && end !== "headers") {
    warnOnce(`endSpanOn must return "response" or "headers", not ${describe(end)}; the span ends with the response`);
  }
  return end;
}
