import type { AxiosInstance } from "axios";
import type { ClientCall } from "../../core/calls/client-call.ts";
import type { ClientConfig } from "../../core/calls/client-config.ts";
import { startCall } from "../../core/calls/start-call.ts";
import { ensureLastSubscriber } from "../../core/node/undici-channels.ts";
import { PlainHeaders } from "../../core/propagation/carrier.ts";
import { reportFailure } from "../../core/telemetry/diagnostics.ts";
import { findBuild } from "./build.ts";
import type { Build } from "./build.ts";
import { NO_RESTORES, overrideConfig } from "./config.ts";
import type { Adapter, AdapterSetting, AxiosRequest } from "./config.ts";
import { observeFetchResponse } from "./fetch-response.ts";
import type { FetchResponse } from "./fetch-response.ts";
import { overlayHeaders } from "./headers.ts";
import type { HeaderOverlay } from "./headers.ts";
import { trackHeadersTime } from "./headers-time.ts";
import { observeHttpRequests } from "./hops.ts";
import { identifyTransport, isHttpPatched, isInstrumentedBelow } from "./transport.ts";
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

export function buildOf(instrumentation: Instrumentation, request: AxiosRequest): Build {
  return (instrumentation.build ??= findBuild(instrumentation.instance, request));
}

/** An attempt in progress. */
export interface AxiosAttempt {
  readonly instrumentation: Instrumentation;
  /** That of the last hop, if axios follows a redirect. */
  call: ClientCall;
  readonly request: AxiosRequest;
  readonly transport: TransportKind;
  /** Whether the instance is instrumented more than once, and another instrumentation passes the request on to the adapter. */
  readonly hasInner: boolean;
  /** Only for the fetch adapter. */
  fetchResponse: FetchResponse | undefined;
  readonly headerOverlay: HeaderOverlay | undefined;
  /** Restore other parts of the config that are overridden for the attempt. */
  readonly restores: readonly (() => void)[];
}

/** How a request is sent whose adapter was replaced. */
export interface Route {
  /** The application's own adapter. */
  readonly setting: AdapterSetting;
  /** The adapter of an inner instrumentation of the same instance. */
  readonly inner: Adapter | undefined;
  /** The failed attempt that the request re-sends. */
  previous: ClientCall | undefined;
  /** Whether the adapter was left on the config of a failed attempt. */
  readonly isMarker: boolean;
}

/**
 * Starts an attempt and prepares its config; undefined if the request must be sent as it is.
 *
 * @param adapter the application's own adapter.
 */
export function startAxiosCall(
  instrumentation: Instrumentation,
  { inner, previous }: Route,
  adapter: Adapter,
  request: AxiosRequest,
): AxiosAttempt | undefined {
  let call: ClientCall | undefined;
  try {
    const build = buildOf(instrumentation, request);
    const hasInner = inner !== undefined;
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
    const restores =
      transport === "custom" ? NO_RESTORES : overrideConfig(call, request, url, observesRedirects(call, transport, hasInner));
    if (transport !== "http") call.registerForRedirects();
    if (transport === "fetch") ensureLastSubscriber();
    if (call.observed && (call.alwaysEndsWithHeaders || call.decidesByResponse)) trackHeadersTime(call);
    const fetchResponse: FetchResponse | undefined = undefined;
    const attempt: AxiosAttempt = { instrumentation, call, request, transport, hasInner, fetchResponse, headerOverlay, restores };
    if (transport === "http" && !call.isInner) call.observer = observeHttpRequests(attempt);
    if (observesFetch(call, transport, hasInner)) attempt.fetchResponse = observeFetchResponse(attempt);
    return attempt;
  } catch (error) {
    reportFailure("reading a request of axios", error);
    call?.end();
    return undefined;
  }
}

/** Whether the redirects of the http adapter are observed: by the outermost call, if another instrumentation or a policy depends on them. */
function observesRedirects(call: ClientCall, transport: TransportKind, hasInner: boolean): boolean {
  return transport === "http" && !call.isInner && (hasInner || isHttpPatched() || call.dependsOnOrigin);
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
