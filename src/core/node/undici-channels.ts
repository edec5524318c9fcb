import { context } from "@opentelemetry/api";
import { ClientCall } from "../calls/client-call.ts";
import { activeCalls } from "../calls/active-calls.ts";
import type { ChannelRequest, RequestObserver } from "../calls/request-observer.ts";
import { enclosingCall } from "../context/call-context.ts";
import type { Suppressible } from "../context/call-context.ts";
import { reportFailure, safeCall } from "../telemetry/diagnostics.ts";
import { isProcessInstrumented } from "../telemetry/global-instrumentation.ts";
import { isNode } from "../telemetry/environment.ts";
import { sharedState } from "../telemetry/shared-state.ts";
import { prepareRequest } from "./prepare-request.ts";
import type { ProcessTracer } from "./process-tracer.ts";
import {
  indexOfTraceparent,
  keepAppendedHeaders,
  keepFirstTraceparent,
  setRequestHeaders,
  traceparentAt,
} from "./request-headers.ts";
import { findOwner } from "./undici-requests.ts";

interface Channel {
  readonly hasSubscribers: boolean;
  subscribe(subscriber: Subscriber): void;
  unsubscribe(subscriber: Subscriber): void;
}
type Subscriber = (message: never) => void;

const OBSERVER: unique symbol = Symbol("a2a-otel.observer");

/** A request with its observer: a property, because a WeakMap of all requests burdens the garbage collector more than everything else here. */
type ObservedRequest = ChannelRequest & { [OBSERVER]?: RequestObserver };

let createChannel: Channel | undefined;
let wasThirdPartyFirst = false;

/**
 * Subscribes to undici's channels, once; on Node they report global fetch too. This is done for the first call that is recorded or propagated: until then
 * the channels have no subscribers, so undici skips creating messages.
 *
 * An instrumentation that subscribes to the same channels must find tracing suppressed while a request of ours is created, and no other code
 * must: application code (body generators) starts to run right after. So our first subscriber turns suppression on, and our last one off.
 *
 * @returns false if the platform does not have these channels.
 */
export function connectChannels(): boolean {
  if (createChannel !== undefined) return true;
  if (!isNode()) return false;
  const channels = safeCall("finding diagnostics channels", () => process.getBuiltinModule("node:diagnostics_channel"));
  if (channels === undefined) return false;
  createChannel = channels.channel("undici:request:create") as unknown as Channel;
  for (const subscriber of [onCreate, afterCreate]) sharedState.instrumented.add(subscriber);
  subscribeFirst(createChannel, onCreate);
  createChannel.subscribe(afterCreate);
  subscribe("undici:client:sendHeaders", onSendHeaders);
  return true;
}

function subscribe(name: string, subscriber: Subscriber): void {
  process.getBuiltinModule("node:diagnostics_channel").subscribe(name, subscriber as (message: unknown) => void);
}

let processTracer: ProcessTracer<ChannelRequest> | undefined;

/** Sets what traces the requests of the process that belong to no call; undefined: nothing does. */
export function traceUndiciRequests(tracer: ProcessTracer<ChannelRequest> | undefined): void {
  processTracer = tracer;
  if (tracer !== undefined) followWholeRequests();
  if (createChannel === undefined) return;
  if (tracer === undefined) Reflect.deleteProperty(createChannel, "subscribe");
  else keepLastSubscriber(createChannel);
}

/**
 * Keeps our last subscriber behind those that are added later. Node-wide instrumentation does not run before a request, so it cannot restore the order then as
 * `ensureLastSubscriber()` does, and a header that a later subscriber appends would be sent beside ours. Only the channel object is changed.
 */
function keepLastSubscriber(channel: Channel): void {
  const value = (subscriber: Subscriber): void => {
    const prototype = Object.getPrototypeOf(channel) as Channel;
    prototype.subscribe.call(channel, subscriber);
    if (subscriber === afterCreate || subscribersOf(channel)?.at(-1) === afterCreate) return;
    channel.unsubscribe(afterCreate);
    prototype.subscribe.call(channel, afterCreate);
  };
  Object.defineProperty(channel, "subscribe", { configurable: true, writable: true, value });
}

let areResponsesFollowed = false;

/**
 * Reports responses to observers too. A fetch needs this, because its promise does not show the end of a body. undici creates a message for each
 * channel that has a subscriber, so it is done for the first call that needs it.
 */
export function followResponses(): void {
  if (areResponsesFollowed || !connectChannels()) return;
  areResponsesFollowed = true;
  subscribe("undici:request:headers", onHeaders);
  subscribe("undici:request:trailers", onTrailers);
  subscribe("undici:request:error", onError);
}

let areRequestsFollowed = false;

/** Reports to observers also when their request was sent. */
function followWholeRequests(): void {
  followResponses();
  if (areRequestsFollowed || createChannel === undefined) return;
  areRequestsFollowed = true;
  subscribe("undici:request:bodySent", onRequestSent);
}

/**
 * The subscribers of a channel, in order. `_subscribers` is an internal of Node's, so it is only read; undefined if this Node does not have it.
 */
function subscribersOf(channel: Channel): readonly Subscriber[] | undefined {
  const { _subscribers: subscribers } = channel as { _subscribers?: unknown };
  return Array.isArray(subscribers) ? (subscribers as Subscriber[]) : undefined;
}

/** Subscribes before those who have subscribed already: they are unsubscribed and subscribed again, in their order. */
function subscribeFirst(channel: Channel, subscriber: Subscriber): void {
  const others = subscribersOf(channel);
  wasThirdPartyFirst = channel.hasSubscribers && others === undefined;
  channel.subscribe(subscriber);
  for (const other of others?.slice() ?? []) {
    // Another copy of this package must stay first too.
    if (other === subscriber || sharedState.instrumented.has(other)) continue;
    channel.unsubscribe(other);
    channel.subscribe(other);
  }
}

/** Makes sure that our last subscriber is the last one. It is called before each call, because others may subscribe at any time. */
export function ensureLastSubscriber(): void {
  if (!connectChannels() || createChannel === undefined) return;
  if (subscribersOf(createChannel)?.at(-1) === afterCreate) return;
  createChannel.unsubscribe(afterCreate);
  createChannel.subscribe(afterCreate);
}

/** Whether third parties subscribe to the creation of requests: they look at the context that a request is created in. */
function hasThirdPartySubscribers(): boolean {
  const subscribers = createChannel && subscribersOf(createChannel);
  return subscribers === undefined || subscribers.length > 2;
}

/** Whether a call's requests must run in its context and be followed: third parties handle them too, or node-wide instrumentation does. */
export function areRequestsWatched(): boolean {
  return hasThirdPartySubscribers() || isProcessInstrumented();
}

/** Whether a third party has subscribed before us and could not be put behind us, so that it handles a request before we can suppress tracing. */
export function thirdPartySubscribedFirst(): boolean {
  return wasThirdPartyFirst;
}

/** Whether a stream is neither closed nor errored; true if the platform does not show it. */
export function isStreamReadable(body: ReadableStream): boolean {
  return process.getBuiltinModule("node:stream").isReadable(body as never) !== false;
}

/** A request that is being created while third parties handle it. Those find tracing suppressed if the request belongs to a call of this copy. */
interface Creation {
  readonly request: ChannelRequest;
  readonly owner: ClientCall | undefined;
  /** The owner, if this copy of the package follows it. */
  readonly followed: ClientCall | undefined;
  readonly tracer: ProcessTracer<ChannelRequest> | undefined;
  /** How many entries of the headers the request had before. */
  readonly headerCount: number;
  /** The call whose context the request is created in, if that is another one, with the state of its switch before. */
  readonly unrelatedCall: Suppressible | undefined;
  readonly wasSuppressing: boolean;
}

/** A stack, because a subscriber may dispatch another request while it handles the creation of one. */
const creationStack: Creation[] = [];

function onCreate({ request }: { request: ObservedRequest }): void {
  if (!Array.isArray(request.headers)) return;
  const active = context.active();
  const enclosing = enclosingCall(active);
  const isWatched = hasThirdPartySubscribers();
  // A tunnel through a proxy: the requests that are sent through it are the application's.
  const tracer = processTracer?.isActive() === true && request.method !== "CONNECT" ? processTracer : undefined;
  if (tracer === undefined && activeCalls.length === 0 && !isWatched && !isRestricted(enclosing)) {
    if (enclosing !== undefined) keepFirstTraceparent(request.headers);
    return;
  }
  const traceparentIndex = indexOfTraceparent(request.headers);
  let owner: ClientCall | undefined;
  let followed: ClientCall | undefined;
  try {
    const ownership = findOwner(request, active, traceparentAt(request.headers, traceparentIndex));
    if (ownership.isShared === true) return;
    owner = ownership.call;
    if (owner instanceof ClientCall && !owner.isProcessWide) {
      followed = owner;
      if (followed.observer !== undefined) request[OBSERVER] = followed.observer;
      prepareRequest(followed, request);
    }
  } catch (error) {
    reportFailure("following a request", error);
    if (followed === undefined) return;
  }
  if (!isWatched) {
    if (followed !== undefined && traceparentIndex !== -1) keepFirstTraceparent(request.headers, traceparentIndex);
    traceInProcess(tracer, request, owner, request.headers.length);
    return;
  }
  if (followed === undefined && tracer === undefined) return;
  // After the observer, because the end of an earlier attempt turns suppression off.
  const unrelatedCall = followed === undefined || enclosing === followed.first ? undefined : enclosing;
  const wasSuppressing = unrelatedCall?.suppressing === true;
  creationStack.push({ request, owner, followed, tracer, headerCount: request.headers.length, unrelatedCall, wasSuppressing });
  if (followed !== undefined) followed.first.suppressing = true;
  if (unrelatedCall !== undefined) unrelatedCall.suppressing = true;
}

/** Whether the policy of an unrecorded call may have to be applied to a request that is created in the call's context. */
function isRestricted(enclosing: Suppressible | undefined): boolean {
  return enclosing instanceof ClientCall && enclosing.dependsOnOrigin;
}

function afterCreate({ request }: { request: ObservedRequest }): void {
  const creation = creationStack.at(-1);
  if (creation?.request !== request) return;
  creationStack.pop();
  const { followed, owner, unrelatedCall, headerCount } = creation;
  if (followed !== undefined) {
    followed.first.suppressing = false;
    if (unrelatedCall !== undefined) unrelatedCall.suppressing = creation.wasSuppressing;
    keepFirstTraceparent(request.headers);
  }
  traceInProcess(creation.tracer, request, owner, headerCount);
}

/** @param headerCount how many entries of the headers the request had before other subscribers handled it. */
function traceInProcess(
  tracer: ProcessTracer<ChannelRequest> | undefined,
  request: ObservedRequest,
  owner: ClientCall | undefined,
  headerCount: number,
): void {
  if (tracer === undefined) return;
  try {
    if (owner !== undefined && !owner.isProcessWide) tracer.restrict(request, owner);
    else if (keepAppendedHeaders(request.headers, headerCount)) tracer.restrict(request, undefined);
    else {
      const observer = tracer.start(request, owner);
      if (observer !== undefined) request[OBSERVER] = observer;
    }
  } catch (error) {
    reportFailure("following a request", error);
  }
}

interface Socket {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
}

function onSendHeaders({ request, headers, socket }: { request: ObservedRequest; headers: unknown; socket?: Socket }): void {
  const { [OBSERVER]: observer } = request;
  if (observer === undefined) return;
  observer.onConnected(socket?.remoteAddress, socket?.remotePort, protocolVersionOf(headers, socket));
  if (socket !== undefined) observer.onSocket?.(socket);
}

const protocolVersions = new WeakMap<object, string>();

/**
 * The HTTP version of a connection, by the text of its first request: HTTP/2 has no request line. The text is read once per connection, because undici
 * concatenates it of many pieces, which the first read flattens: that takes 9 us for a fetch with cold caches.
 */
function protocolVersionOf(headers: unknown, socket: Socket | undefined): string | undefined {
  if (socket === undefined || typeof headers !== "string") return undefined;
  let version = protocolVersions.get(socket);
  if (version === undefined) {
    version = headers.includes(" HTTP/1.1\r\n") ? "1.1" : "2";
    protocolVersions.set(socket, version);
  }
  return version;
}

function onRequestSent({ request }: { request: ObservedRequest }): void {
  request[OBSERVER]?.onRequestSent?.();
}

function onHeaders({ request, response }: { request: ObservedRequest; response: { statusCode: number; headers: unknown } }): void {
  request[OBSERVER]?.onResponseHeaders?.(response.statusCode, response.headers);
}

function onTrailers({ request }: { request: ObservedRequest }): void {
  request[OBSERVER]?.onResponseEnd?.();
}

function onError({ request, error }: { request: ObservedRequest; error: unknown }): void {
  request[OBSERVER]?.onRequestError?.(error);
}

/** Replaces the propagation headers of a request that is being created by those of another attempt. */
export function replacePropagationHeaders(request: ChannelRequest, call: ClientCall): void {
  setRequestHeaders(request, call.headers ?? {}, call.replaced);
}
