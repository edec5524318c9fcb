import { trace } from "@opentelemetry/api";
import type { Attributes, Context } from "@opentelemetry/api";
import { enclosingCall } from "../context/call-context.ts";
import { URL_FULL } from "../http/attributes.ts";
import { isSameOrigin, originOf } from "../http/urls.ts";
import { findByTraceparent } from "./active-calls.ts";
import type { ClientCall } from "./client-call.ts";

/**
 * The call of an outer instrumentation, of any copy of this package, that a request belongs to: the one whose `traceparent` the request has, or the
 * one in whose context it is made, if it asks for the same.
 */
export function findOuterCall(
  active: Context,
  traceparent: string | undefined,
  method: string,
  url: string,
): ClientCall | undefined {
  const issuer = traceparent === undefined ? undefined : findByTraceparent(traceparent);
  if (issuer !== undefined) return issuer as ClientCall;
  // Copies that share their state have the same ClientCall.
  const latest = (enclosingCall(active) as ClientCall | undefined)?.first.latest;
  return latest?.isRequestFor(method, url) === true ? latest : undefined;
}

/** `http.url` is the name in conventions before 1.23, which instrumentations still use. */
const URL_ATTRIBUTES = [URL_FULL, "http.url"];

/** Whether the active span is another instrumentation's HTTP span for a URL. The API shows no attributes, but the span of an SDK does. */
export function isHttpSpanFor(active: Context, url: string): boolean {
  const { attributes = {} } = (trace.getSpan(active) ?? {}) as { attributes?: Attributes };
  return URL_ATTRIBUTES.some((name) => {
    const recorded = attributes[name];
    return typeof recorded === "string" && isSameOrigin(originOf(recorded), originOf(url));
  });
}
