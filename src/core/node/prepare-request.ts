import type { ClientCall } from "../calls/client-call.ts";
import type { ChannelRequest } from "../calls/request-observer.ts";
import { setRequestHeaders } from "./request-headers.ts";
import { originTextOf, urlOfRequest } from "./undici-requests.ts";

/** Reports a request to its call's observer, and applies the policy if the request goes to another origin than the call's. */
export function prepareRequest(call: ClientCall, request: ChannelRequest): void {
  const isElsewhere = !call.isAtOrigin(originTextOf(request));
  call.observer?.onRequestCreated(request);
  const { latest } = call.first;
  latest.hasRequest = true;
  // If the observer has made the request an attempt of its own, it has that attempt's headers.
  const replacement = isElsewhere && !call.ended ? call.reinject(urlOfRequest(request)) : undefined;
  if (replacement !== undefined) setRequestHeaders(request, replacement.values, replacement.replaced);
}
