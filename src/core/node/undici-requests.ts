import type { Context } from "@opentelemetry/api";
import { activeCalls, findAwaiting, findByTraceparent, findIssuers } from "../calls/active-calls.ts";
import { CallHeaders } from "../calls/call-headers.ts";
import { ClientCall } from "../calls/client-call.ts";
import type { ChannelRequest } from "../calls/request-observer.ts";
import { enclosingCall } from "../context/call-context.ts";
import { readHeaders } from "../propagation/carrier.ts";
import { intersectPolicies } from "../propagation/policy.ts";
import { setRequestHeaders, traceparentAt } from "./request-headers.ts";

/**
 * The call that a request in undici's channels belongs to. In this order:
 *
 * 1. The call that has issued the request's `traceparent`, if no other call may have issued the same.
 * 2. The call in whose context the request is created, if it has no request yet and the method and the URL are the call's.
 * 3. The call that has issued the request's other propagation headers. If several calls may have, none of them is the answer, but the policies of all are
 *    applied.
 * 4. The call whose client was expected to request this URL next: the target of a redirect, or the same URL again after a failure.
 * 5. The call in whose context the request is created, if it is one of the call's.
 *
 * The context alone never decides: on a warm socket, retries and redirects run in the context of whichever call has opened the socket.
 *
 * @param traceparentIndex where the request's headers have a `traceparent`; -1 if they have none.
 */
export function findCallOfRequest(request: ChannelRequest, active: Context, traceparentIndex: number): ClientCall | undefined {
  const { call } = findOwner(request, active, traceparentAt(request.headers as readonly unknown[], traceparentIndex));
  return call instanceof ClientCall ? call : undefined;
}

/** Which call a request belongs to. */
export interface Ownership {
  /** It may be one of another copy of this package: then it is followed by that copy's subscribers. */
  readonly call: ClientCall | undefined;
  /** Whether several calls may have issued the request. Their policies have been applied. */
  readonly isShared?: boolean;
}

/** No call of this package has made the request. */
export const UNOWNED: Ownership = { call: undefined };

/** As {@link findCallOfRequest}, for calls of all copies of this package. @param traceparent that of the request. */
export function findOwner(request: ChannelRequest, active: Context, traceparent: string | undefined): Ownership {
  const issuer = traceparent === undefined ? undefined : findByTraceparent(traceparent);
  if (issuer !== undefined) return { call: issuer as ClientCall };
  const enclosing = enclosingCall(active) as ClientCall | undefined;
  if (enclosing === undefined && activeCalls.length === 0) return UNOWNED;

  const url = urlOfRequest(request);
  const ofContext = enclosing?.first.latest;
  if (ofContext?.hasRequest === false && ofContext.isRequestFor(request.method, url)) return { call: ofContext };

  const headers = request.headers as readonly unknown[];
  const issuers = findIssuers(headers) as ClientCall[];
  if (issuers.length > 1) {
    applyAllPolicies(issuers, request);
    return { call: undefined, isShared: true };
  }
  if (issuers.length === 1) return { call: issuers[0] };
  const awaiting = ofContext?.awaits(url) === true ? ofContext : (findAwaiting(url) as ClientCall | undefined);
  if (awaiting !== undefined) return { call: awaiting };
  const isOfContext = ofContext?.ended === false && (ofContext.hasIssued(headers) || ofContext.isRequestFor(request.method, url));
  return isOfContext ? { call: ofContext } : UNOWNED;
}

/** Several calls may have issued what the request carries, so it keeps only what the policies of all of them allow. */
function applyAllPolicies(issuers: readonly ClientCall[], request: ChannelRequest): void {
  const calls = issuers.filter((call) => call instanceof ClientCall);
  const [policy, ...others] = calls.map(({ first }) => first.policy);
  if (policy === undefined) return;
  const names = new Set(calls.flatMap(({ issuedNames }) => issuedNames));
  // The request has some of these headers, because the calls were found by them.
  const existing = readHeaders(request.headers, [...names]) as Record<string, string>;
  const restricted = CallHeaders.restrict({
    policy: others.reduce(intersectPolicies, policy),
    existing,
    url: urlOfRequest(request),
  });
  if (restricted !== undefined) setRequestHeaders(request, restricted.values, restricted.replaced);
}

const IP_ADDRESS_HOST = /^https?:\/\/(?:\[[^\]]*\]|\d+\.\d+\.\d+\.\d+)(?::\d+)?$/;

/** The origin of the URL that a request asks for, or that URL: most requests need not build it only to compare origins. */
export function originTextOf(request: ChannelRequest): string {
  const { origin, path, host } = request;
  return typeof origin === "string" && typeof host !== "string" && path.startsWith("/") ? origin : urlOfRequest(request);
}

/** The URL that a request asks for. */
export function urlOfRequest({ origin, path, host }: ChannelRequest): string {
  const text = typeof origin === "object" ? origin.origin : String(origin);
  // A request to a proxy may have a whole URL in the place of the path.
  if (!path.startsWith("/")) return new URL(path, text).href;
  // undici's dns interceptor replaces the name by an address, and puts the name into the Host header.
  const isResolved = typeof host === "string" && IP_ADDRESS_HOST.test(text);
  return `${isResolved ? `${text.slice(0, text.indexOf("//"))}//${host}` : text}${path}`;
}
