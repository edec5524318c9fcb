import type { ChannelRequest } from "../calls/request-observer.ts";
import { sameName, withHeaders, writeHeaders } from "../propagation/carrier.ts";
import { TRACEPARENT, TRACESTATE } from "../propagation/trace-context.ts";

// The headers in undici's channels: a flat array of names and values; those of a response are buffers.

/** The headers of a response as texts. */
export function decodeHeaders(rawHeaders: unknown): string[] {
  return Array.isArray(rawHeaders) ? rawHeaders.map(String) : [];
}

/** Sets and removes headers of a request that is being created, in place. */
export function setRequestHeaders(request: ChannelRequest, added: Record<string, string>, removed: readonly string[]): void {
  if (request.setHeaders !== undefined) {
    request.setHeaders(added, removed);
    return;
  }
  const { headers } = request;
  if (!Array.isArray(headers)) return;
  // An empty array does not show that it is a flat one.
  if (headers.length === 0) headers.push(...Object.entries(added).flat());
  else writeHeaders(headers, added, removed);
}

/** The length of a `traceparent` of version 00. */
const TRACEPARENT_LENGTH = 55;

/** The index of the first `traceparent` of a request; -1 if it has none. */
export function indexOfTraceparent(headers: readonly unknown[]): number {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name: unknown = headers[i];
    if (typeof name === "string" && sameName(name, TRACEPARENT)) return i;
  }
  return -1;
}

/** The `traceparent` at an index; undefined if the index is -1. */
export function traceparentAt(headers: readonly unknown[], index: number): string | undefined {
  const value = index === -1 ? undefined : headers[index + 1];
  return typeof value === "string" ? firstValue(value) : undefined;
}

/** The first of several values in one line: a wrapper beneath ours may have added its own with `Headers.append`. */
function firstValue(traceparent: string): string {
  const end = traceparent.length > TRACEPARENT_LENGTH ? traceparent.indexOf(",") : -1;
  return end === -1 ? traceparent : traceparent.slice(0, end);
}

/**
 * Removes what an instrumentation that could not be suppressed has appended to a request that has our `traceparent` already: a receiver must discard
 * two values.
 *
 * @param start where the search for the first one begins.
 */
export function keepFirstTraceparent(headers: unknown, start = 0): void {
  if (!Array.isArray(headers)) return;
  let isFirstSeen = false;
  let isThirdParty = false;
  for (let i = start; i + 1 < headers.length; i += 2) {
    const name = String(headers[i]);
    if (sameName(name, TRACEPARENT)) {
      isThirdParty = isFirstSeen;
      if (!isFirstSeen && typeof headers[i + 1] === "string") headers[i + 1] = firstValue(headers[i + 1] as string);
      isFirstSeen = true;
    } else if (!isThirdParty || !sameName(name, TRACESTATE)) continue; // its `tracestate` follows its `traceparent`
    if (!isThirdParty) continue;
    headers.splice(i, 2);
    i -= 2;
  }
}

/**
 * Whether a flat array has a `traceparent` that was appended after its first `count` entries: another instrumentation traces the request. An earlier one,
 * which the application has set, is removed then.
 */
export function keepAppendedHeaders(headers: unknown, count: number): boolean {
  if (!Array.isArray(headers) || headers.length === count) return false;
  const appended = headers.slice(count);
  if (indexOfTraceparent(appended) === -1) return false;
  const own = withHeaders(headers.slice(0, count), {}, [TRACEPARENT, TRACESTATE]) as unknown[];
  headers.splice(0, count, ...own);
  return true;
}
