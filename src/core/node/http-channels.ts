import { context } from "@opentelemetry/api";
import { ClientCall } from "../calls/client-call.ts";
import { activeCalls } from "../calls/active-calls.ts";
import type { RequestObserver } from "../calls/request-observer.ts";
import { CallContext, enclosingCall } from "../context/call-context.ts";
import { reportFailure } from "../telemetry/diagnostics.ts";
import { isNode } from "../telemetry/environment.ts";
import { HttpChannelRequest } from "./http-requests.ts";
import type { NodeHttpRequest } from "./http-requests.ts";
import type { ProcessTracer } from "./process-tracer.ts";
import { prepareRequest } from "./prepare-request.ts";
import { UNOWNED, findOwner } from "./undici-requests.ts";

const OBSERVER: unique symbol = Symbol("a2a-otel.observer");

/** A request with its observer: a property, as in undici's channels. */
type ObservedRequest = NodeHttpRequest & { [OBSERVER]?: RequestObserver };

interface NodeHttpResponse {
  readonly statusCode: number;
  readonly rawHeaders: readonly string[];
  readonly httpVersion: string;
  readonly socket?: { readonly remoteAddress?: string; readonly remotePort?: number } | null;
}

interface Message {
  readonly request: ObservedRequest;
  readonly response: NodeHttpResponse;
  readonly error: unknown;
}

const SUBSCRIBERS: Readonly<Record<string, (message: Message) => void>> = {
  "http.client.request.created": onCreated,
  "http.client.response.finish": onResponse,
  "http.client.request.error": onError,
};

let isConnected = false;
let processTracer: ProcessTracer<HttpChannelRequest> | undefined;

/** Subscribes to the channels of `node:http`, once. Does nothing on platforms without them. */
export function connectHttpChannels(): void {
  if (isConnected || !isNode()) return;
  isConnected = true;
  const { subscribe } = process.getBuiltinModule("node:diagnostics_channel");
  for (const [name, subscriber] of Object.entries(SUBSCRIBERS)) subscribe(name, subscriber as (message: unknown) => void);
}

/** Sets what traces the requests of the process that belong to no call; undefined: nothing does. */
export function traceHttpRequests(tracer: ProcessTracer<HttpChannelRequest> | undefined): void {
  processTracer = tracer;
  if (tracer !== undefined) connectHttpChannels();
}

function onCreated({ request }: Message): void {
  const active = context.active();
  // Other instrumentation has handled the request; the code that runs next may be the application's.
  if (active instanceof CallContext && active.call.suppressing) active.call.suppressing = false;
  try {
    handleCreated(request, active);
  } catch (error) {
    reportFailure("following a request", error);
  }
}

function handleCreated(request: ObservedRequest, active: ReturnType<typeof context.active>): void {
  const tracer = processTracer?.isActive() === true ? processTracer : undefined;
  if (tracer === undefined && activeCalls.length === 0 && enclosingCall(active) === undefined) return;
  // A tunnel through a proxy: the requests that are sent through it are the application's.
  if (request.method === "CONNECT") return;
  const channelRequest = new HttpChannelRequest(request);
  const mayBeOwned = activeCalls.length > 0 || enclosingCall(active) !== undefined;
  const { call, isShared } = mayBeOwned ? findOwner(channelRequest, active, channelRequest.traceparent) : UNOWNED;
  if (call instanceof ClientCall && !call.isProcessWide) {
    const { observer } = call;
    if (observer !== undefined) request[OBSERVER] = observer;
    prepareRequest(call, channelRequest);
  }
  if (tracer === undefined) return;
  if (call !== undefined && !call.isProcessWide) tracer.restrict(channelRequest, call);
  else if (isShared !== true) {
    const observer = tracer.start(channelRequest, call);
    if (observer !== undefined) request[OBSERVER] = observer;
  }
}

function onResponse({ request, response }: Message): void {
  const { [OBSERVER]: observer } = request;
  if (observer === undefined) return;
  const { httpVersion, rawHeaders, socket, statusCode } = response;
  try {
    // The peer of a Unix socket has no address but the path of the socket.
    observer.onConnected(socket?.remoteAddress ?? request.socketPath, socket?.remotePort, httpVersion);
    observer.onResponseHeaders?.(statusCode, rawHeaders);
  } catch (error) {
    reportFailure("following a response", error);
  }
}

function onError({ request, error }: Message): void {
  try {
    request[OBSERVER]?.onRequestError?.(error);
  } catch (failure) {
    reportFailure("following a request", failure);
  }
}
