import { context } from "@opentelemetry/api";
import { ClientCall } from "../calls/client-call.ts";
import { activeCalls } from "../calls/active-calls.ts";
import type { ChannelRequest, RequestObserver } from "../calls/request-observer.ts";
import { enclosingCall } from "../context/call-context.ts";
import type { Suppressible } from "../context/call-context.ts";
import { reportFailure, safeCall } from "../telemetry/diagnostics.ts";
import { isNode } from "../telemetry/environment.ts";
import { sharedState } from "../telemetry/shared-state.ts";
import { indexOfTraceparent, keepFirstTraceparent, setRequestHeaders } from "./request-headers.ts";
import { findCallOfRequest, originTextOf, urlOfRequest } from "./undici-requests.ts";

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
export function hasThirdPartySubscribers(): boolean {
  const subscribers = createChannel && subscribersOf(createChannel);
  return subscribers === undefined || subscribers.length > 2;
}

/** Whether a third party has subscribed before us and could not be put behind us, so that it handles a request before we can suppress tracing. */
export function thirdPartySubscribedFirst(): boolean {
  return wasThirdPartyFirst;
}

/** Whether a stream is neither closed nor errored; true if the platform does not show it. */
export function isStreamReadable(body: ReadableStream): boolean {
  return process.getBuiltinModule("node:stream").isReadable(body as never) !== false;
}

/** A request that is being created while third parties find tracing suppressed. */
interface Creation {
  readonly request: ChannelRequest;
  readonly call: ClientCall;
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
  if (activeCalls.length === 0 && !isWatched && !isRestricted(enclosing)) {
    if (enclosing !== undefined) keepFirstTraceparent(request.headers);
    return;
  }
  const traceparentIndex = indexOfTraceparent(request.headers);
  let call: ClientCall | undefined;
  try {
    call = findCallOfRequest(request, active, traceparentIndex);
    if (call !== undefined) prepareRequest(call, request);
  } catch (error) {
    reportFailure("following a request", error);
  }
  if (call === undefined) return;
  if (!isWatched) {
    if (traceparentIndex !== -1) keepFirstTraceparent(request.headers, traceparentIndex);
    return;
  }
  // After the observer, because the end of an earlier attempt turns suppression off.
  const unrelatedCall = enclosing === call.first ? undefined : enclosing;
  creationStack.push({ request, call, unrelatedCall, wasSuppressing: unrelatedCall?.suppressing === true });
  call.first.suppressing = true;
  if (unrelatedCall !== undefined) unrelatedCall.suppressing = true;
}

/** Whether the policy of an unrecorded call may have to be applied to a request that is created in the call's context. */
function isRestricted(enclosing: Suppressible | undefined): boolean {
  return enclosing instanceof ClientCall && enclosing.dependsOnOrigin;
}

/** Reports a request to the call's observer, and applies the policy if the request goes to another origin than the call's. */
function prepareRequest(call: ClientCall, request: ObservedRequest): void {
  const isElsewhere = !call.isAtOrigin(originTextOf(request));
  const { observer } = call;
  if (observer !== undefined) {
    request[OBSERVER] = observer;
    observer.onRequestCreated(request);
  }
  const { latest } = call.first;
  latest.hasRequest = true;
  // If the observer has made the request an attempt of its own, it has that attempt's headers.
  const replacement = isElsewhere && !call.ended ? call.reinject(urlOfRequest(request)) : undefined;
  if (replacement !== undefined) setRequestHeaders(request, replacement.values, replacement.replaced);
}

function afterCreate({ request }: { request: ChannelRequest }): void {
  const creation = creationStack.at(-1);
  if (creation?.request !== request) return;
  creationStack.pop();
  creation.call.first.suppressing = false;
  if (creation.unrelatedCall !== undefined) creation.unrelatedCall.suppressing = creation.wasSuppressing;
  keepFirstTraceparent(request.headers);
}

interface Socket {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
}

function onSendHeaders({ request, headers, socket }: { request: ObservedRequest; headers: unknown; socket?: Socket }): void {
  request[OBSERVER]?.onConnected(socket?.remoteAddress, socket?.remotePort, protocolVersionOf(headers, socket));
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
