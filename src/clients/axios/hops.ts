import { isRedirect } from "../../core/calls/client-call.ts";
import type { ClientCall } from "../../core/calls/client-call.ts";
import type { ChannelRequest, RequestObserver } from "../../core/calls/request-observer.ts";
import { startCall } from "../../core/calls/start-call.ts";
import { replacePropagationHeaders } from "../../core/node/undici-channels.ts";
import { urlOfRequest } from "../../core/node/undici-requests.ts";
import { parseUrl } from "../../core/http/urls.ts";
import { readHeader } from "../../core/propagation/carrier.ts";
import type { AxiosRequest } from "./config.ts";
import { headersTimeOf, recordHeadersTime, trackLikePrevious } from "./headers-time.ts";

/** An attempt, as far as its redirects need it. */
export interface Redirectable {
  /** That of the last hop. */
  call: ClientCall;
  readonly request: AxiosRequest;
}

/** Makes the next hop of a redirect, which axios follows by itself, an attempt of its own. */
export function startHop(attempt: Redirectable, request: ChannelRequest): void {
  const previous = attempt.call;
  const { observer } = previous;
  previous.end(headersTimeOf(previous));
  const call = startCall(previous.config, {
    method: request.method,
    url: urlOfRequest(request),
    headers: undefined,
    request: attempt.request,
    previous,
  });
  if (call === undefined) return;
  // The headers that axios sends again are those of the first attempt.
  call.adoptTraceparent(previous);
  call.observer = observer;
  trackLikePrevious(call, previous);
  replacePropagationHeaders(request, call);
  attempt.call = call;
}

/** Observes the requests of the http adapter. The end of the last one is that of the adapter's promise or stream. */
export function observeHttpRequests(attempt: Redirectable): RequestObserver {
  let url: string | undefined;
  return {
    onRequestCreated: (request) => {
      if (url !== undefined && attempt.call.observed) startHop(attempt, request);
      url = urlOfRequest(request);
      attempt.call.awaitedUrls = [];
    },
    onConnected: (address, port, version) => attempt.call.connected(address, port, version),
    onResponseHeaders: (status, rawHeaders) => {
      const { call } = attempt;
      recordHeadersTime(call, status);
      if (!isRedirect(status)) return;
      call.response(status, rawHeaders);
      const target = parseUrl(readHeader(rawHeaders, "location") ?? "", url);
      // Another request of the context of a queued one may be the next hop, if no header shows it.
      if (call.traceparent === undefined && target !== undefined) call.awaitedUrls = [target.href];
    },
  };
}
