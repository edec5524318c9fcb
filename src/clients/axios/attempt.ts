import type { AxiosInstance } from "axios";
import type { ClientCall } from "../../core/calls/client-call.ts";
import type { ClientConfig } from "../../core/calls/client-config.ts";
import { startCall } from "../../core/calls/start-call.ts";
import { ensureLastSubscriber } from "../../core/node/undici-channels.ts";
import { PlainHeaders } from "../../core/propagation/carrier.ts";
import { reportFailure } from "../../core/telemetry/diagnostics.ts";
import type { Build } from "./build.ts";
import { overrideConfig } from "./config.ts";
import type { Adapter, AxiosRequest } from "./config.ts";
import { observeFetchResponse } from "./fetch-response.ts";
import type { FetchResponse } from "./fetch-response.ts";
import { overlayHeaders } from "./headers.ts";
import type { HeaderOverlay } from "./headers.ts";
import { trackHeadersTime } from "./http-channels.ts";
import { identifyTransport, isInstrumentedBelow } from "./transport.ts";
import type { TransportKind } from "./transport.ts";
import { requestUrl } from "./url.ts";

/** The instrumentation of one axios instance. */
export interface Instrumentation {
  readonly config: ClientConfig;
  readonly instance: AxiosInstance;
  /** False after the instrumentation was undone. */
  active: boolean;
  /** Determined with the first request. */
  build: Build | undefined;
}

/** An attempt in progress. */
export interface AxiosAttempt {
  readonly instrumentation: Instrumentation;
  readonly call: ClientCall;
  readonly request: AxiosRequest;
  readonly transport: TransportKind;
  readonly hasInner: boolean;
  /** Only for the fetch adapter. */
  readonly fetchResponse: FetchResponse | undefined;
  readonly headerOverlay: HeaderOverlay | undefined;
  /** Restore other parts of the config that are overridden for the attempt. */
  readonly restores: readonly (() => void)[];
}

/** A request that is about to be sent by an adapter. */
export interface OutboundAxiosRequest {
  readonly instrumentation: Instrumentation;
  readonly build: Build;
  /** The application's own adapter. */
  readonly adapter: Adapter;
  /** Whether the instance is instrumented more than once, and another instrumentation passes the request on to the adapter. */
  readonly hasInner: boolean;
  readonly request: AxiosRequest;
  /** The failed attempt that the request re-sends. */
  readonly previous: ClientCall | undefined;
}

/** Starts an attempt and prepares its config; undefined if the request must be sent as it is. */
export function startAxiosCall({
  instrumentation,
  build,
  adapter,
  hasInner,
  request,
  previous,
}: OutboundAxiosRequest): AxiosAttempt | undefined {
  let call: ClientCall | undefined;
  try {
    const url = requestUrl(request, build);
    const { headers } = request;
    const readable = typeof headers === "object" && headers !== null ? new PlainHeaders(headers) : undefined;
    call = startCall(instrumentation.config, {
      method: wireMethod(request),
      url: url.href,
      headers: readable,
      request,
      previous,
      body: request.data,
    });
    if (call === undefined) return undefined;
    const transport = identifyTransport(adapter, request.adapter ?? build.defaultAdapter(), build);
    const headerOverlay = overlayHeaders(request, call, previous !== undefined);
    const restores = overrideConfig({ call, hasInner, request, transport, url });
    if (transport !== "http") call.registerForRedirects();
    if (transport === "fetch") ensureLastSubscriber();
    if (call.observed && instrumentation.config.options.endSpanOn === "headers") trackHeadersTime(call);
    const fetchResponse = observesFetch(call, transport, hasInner) ? observeFetchResponse(call, request.signal) : undefined;
    return { instrumentation, call, request, transport, hasInner, fetchResponse, headerOverlay, restores };
  } catch (error) {
    reportFailure("reading a request of axios", error);
    call?.end();
    return undefined;
  }
}

/** Whether the requests of the fetch adapter are observed: to record the response, or to apply a policy to the hops of a redirect. */
function observesFetch(call: ClientCall, transport: TransportKind, hasInner: boolean): boolean {
  if (transport !== "fetch" || call.isInner) return false;
  // A traced fetch, or another instrumentation of the instance, may add its policy later.
  return call.mustEnd || hasInner || isInstrumentedBelow(transport);
}

// axios writes methods in lower case; `toUpperCase` allocates a string for each request.
function wireMethod({ method = "get" }: AxiosRequest): string {
  return method === "post" ? "POST" : method === "get" ? "GET" : String(method).toUpperCase();
}
