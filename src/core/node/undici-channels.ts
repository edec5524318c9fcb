import { context } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { CallContext } from "../context/call-context.ts";
import type { Suppressible } from "../context/call-context.ts";
import { sameName, writeHeaders } from "../propagation/carrier.ts";
import { ClientCall } from "../calls/client-call.ts";
import { isNode } from "../telemetry/environment.ts";
import { safeCall, reportFailure } from "../telemetry/diagnostics.ts";
import { findActiveCall, activeCalls } from "../calls/active-calls.ts";
import { TRACEPARENT, TRACESTATE } from "../propagation/trace-context.ts";
import { sharedState } from "../telemetry/shared-state.ts";

/** A request as undici's diagnostics channels tell of it. Its headers are a flat array that may be changed while it is being created. */
export interface ChannelRequest {
  readonly origin: string | URL | undefined;
  readonly path: string;
  readonly method: string;
  readonly headers: unknown;
  [EXCHANGE]?: Exchange;
}

/** Follows the requests of one call on the wire. */
export interface Exchange {
  /** A request was created that carries the call's `traceparent`: the first, a redirect's next hop, or a retry. */
  created(request: ChannelRequest): void;
  connected(address: string | undefined, port: number | undefined, protocolVersion: string | undefined): void;
  /** What becomes of them: told once {@link followResponses} was called. */
  headers?(status: number, rawHeaders: unknown): void;
  trailers?(): void;
  error?(error: unknown): void;
}

interface Channel {
  readonly hasSubscribers: boolean;
  subscribe(subscriber: Subscriber): void;
  unsubscribe(subscriber: Subscriber): void;
}
type Subscriber = (message: never) => void;

// On the request itself, which is undici's own: a weak map of requests costs the garbage collector more than all else here.
const EXCHANGE: unique symbol = Symbol("a2a-otel.exchange");
let createChannel: Channel | undefined;
let thirdPartyFirst = false;
let creating: ClientCall | undefined;
let bystander: { call: Suppressible; suppressing: boolean } | undefined;

/**
 * Subscribes to undici's channels, once; on Node they tell of global fetch too. False where the platform has none of them. Done for the first call
 * of which there is something to tell: until then undici has nobody to tell, and a process without an SDK pays nothing.
 *
 * An instrumentation that listens to the same channels must find tracing suppressed when a request of ours is created, and nobody else
 * may: application code (body generators) begins to run right after. So the switch goes on in a first subscriber and off in a last one.
 */
export function connectChannels(): boolean {
  if (createChannel !== undefined) return true;
  if (!isNode()) return false;
  const channels = safeCall("finding diagnostics channels", () => process.getBuiltinModule("node:diagnostics_channel"));
  if (channels === undefined) return false;
  createChannel = channels.channel("undici:request:create") as unknown as Channel;
  for (const own of [onCreate, afterCreate]) sharedState.instrumented.add(own);
  subscribeFirst(createChannel, onCreate);
  createChannel.subscribe(afterCreate);
  subscribe("undici:client:sendHeaders", onSendHeaders);
  return true;
}

function subscribe(name: string, subscriber: Subscriber): void {
  process.getBuiltinModule("node:diagnostics_channel").subscribe(name, subscriber as (message: unknown) => void);
}

let responsesFollowed = false;

/** Has exchanges told of responses too: for fetch, whose promise tells nothing of a body's end. A dispatcher's own handler does. */
export function followResponses(): void {
  if (responsesFollowed || !connectChannels()) return;
  responsesFollowed = true;
  subscribe("undici:request:headers", onHeaders);
  subscribe("undici:request:trailers", onTrailers);
  subscribe("undici:request:error", onError);
}

/** Subscribes before those who have subscribed already: they are taken off and put on again, in their order. */
function subscribeFirst(channel: Channel, subscriber: Subscriber): void {
  // `_subscribers` is Node's own, so it is only looked at.
  const { _subscribers: others } = channel as { _subscribers?: unknown };
  thirdPartyFirst = channel.hasSubscribers && !Array.isArray(others);
  channel.subscribe(subscriber);
  if (!Array.isArray(others)) return;
  for (const other of (others as Subscriber[]).slice()) {
    if (sharedState.instrumented.has(other)) continue; // another copy of this package, which must stay first too
    channel.unsubscribe(other);
    channel.subscribe(other);
  }
}

/**
 * Makes sure that our last subscriber is the last one; asked for before each call.
 *
 * @returns whether others subscribe too: only they need the context that a request is created in.
 */
export function ensureLastSubscriber(): boolean {
  if (!connectChannels() || createChannel === undefined) return true;
  // `_subscribers` is Node's own, so it is only looked at; where it is not there, the public calls do the same at a price.
  const { _subscribers: subscribers } = createChannel as { _subscribers?: unknown };
  if (!Array.isArray(subscribers) || subscribers.at(-1) !== afterCreate) {
    createChannel.unsubscribe(afterCreate);
    createChannel.subscribe(afterCreate);
  }
  return hasThirdPartySubscribers(createChannel);
}

/** Whether somebody but us subscribes to the channel of requests that are created. `_subscribers` is Node's own, so it is only looked at; two of them are ours. */
export function hasThirdPartySubscribers(created: object): boolean {
  const { _subscribers: subscribers } = created as { _subscribers?: unknown };
  return !Array.isArray(subscribers) || subscribers.length > 2;
}

/** Whether somebody subscribed before us and stayed there, and so is told of a request before we can suppress tracing. */
export function thirdPartySubscribedFirst(): boolean {
  return thirdPartyFirst;
}

/** Whether a stream is neither closed nor errored; true where the platform does not tell. */
export function isStreamReadable(body: ReadableStream): boolean {
  return process.getBuiltinModule("node:stream").isReadable(body as never) !== false;
}

function onCreate({ request }: { request: ChannelRequest }): void {
  if (!Array.isArray(request.headers)) return;
  const active = context.active();
  // Most requests of a process that samples few are none of ours, and need not be read to see it.
  if (activeCalls.length === 0 && !(active instanceof CallContext)) return;
  const place = placeOfTraceparent(request.headers);
  const call = callOf(request.headers, place, active);
  if (call === undefined) return;
  const { exchange } = call;
  if (exchange !== undefined && call.id !== undefined) {
    request[EXCHANGE] = exchange;
    try {
      exchange.created(request);
    } catch (error) {
      reportFailure("following a request", error);
    }
  }
  // A hop that became an attempt of its own has the headers of that; any other goes by the policy too.
  if (!call.observed || call.id === undefined || call.place !== -1) {
    try {
      if (!call.isAt(request)) call.reinjectForRedirect(urlOfRequest(request), request.headers);
    } catch (error) {
      reportFailure("the policy of a redirect", error);
    }
  }
  if (!hasThirdPartySubscribers(createChannel as Channel)) {
    if (place !== -1) keepOneTraceparent(request.headers, place);
    return;
  }
  // Only now: to end an earlier attempt turns the switch off.
  creating = call;
  call.suppression.suppressing = true;
  // A retry that is out of our sight is created in the context of whichever call has opened the socket.
  if (active instanceof CallContext && active.call !== call.suppression) {
    bystander = { call: active.call, suppressing: active.call.suppressing };
    active.call.suppressing = true;
  }
}

function afterCreate({ request }: { request: ChannelRequest }): void {
  if (creating === undefined) return;
  creating.suppression.suppressing = false;
  creating = undefined;
  if (bystander !== undefined) {
    bystander.call.suppressing = bystander.suppressing;
    bystander = undefined;
  }
  keepOneTraceparent(request.headers);
}

function onSendHeaders(message: { request: ChannelRequest; headers: unknown; socket?: Socket }): void {
  const exchange = message.request[EXCHANGE];
  if (exchange === undefined) return;
  const { headers, socket } = message;
  exchange.connected(socket?.remoteAddress, socket?.remotePort, versionOf(headers, socket));
}

interface Socket {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
}

const versions = new WeakMap<object, string>();

/**
 * The version of HTTP that a connection speaks, which the text of its first request tells: HTTP/2 has no request line. That is not looked at again:
 * it is put together of many pieces, and to read it makes one of them, which takes longer than all else that we do (9 us of a fetch in which all is
 * cold).
 */
function versionOf(headers: unknown, socket: Socket | undefined): string | undefined {
  if (socket === undefined || typeof headers !== "string") return undefined;
  let version = versions.get(socket);
  if (version === undefined) {
    version = headers.includes(" HTTP/1.1\r\n") ? "1.1" : "2";
    versions.set(socket, version);
  }
  return version;
}

function onHeaders(message: { request: ChannelRequest; response: { statusCode: number; headers: unknown } }): void {
  message.request[EXCHANGE]?.headers?.(message.response.statusCode, message.response.headers);
}

function onTrailers({ request }: { request: ChannelRequest }): void {
  request[EXCHANGE]?.trailers?.();
}

function onError({ request, error }: { request: ChannelRequest; error: unknown }): void {
  request[EXCHANGE]?.error?.(error);
}

/**
 * The call that a request belongs to: the one whose `traceparent` it carries. The async context alone could be another call's (retries on
 * a warm socket), and is asked only for calls that are not recorded and so are nowhere else.
 */
function callOf(headers: readonly unknown[], place: number, active: Context): ClientCall | undefined {
  const value = place === -1 ? undefined : headers[place + 1];
  const id = typeof value === "string" ? firstOf(value) : undefined;
  const open = id === undefined ? undefined : findActiveCall(id, active);
  if (open instanceof ClientCall) return open;
  const call = active instanceof CallContext ? active.call : undefined;
  if (!(call instanceof ClientCall)) return undefined;
  // One that may not send a `traceparent`, or speaks another format, is known by what else it sends.
  return (call.id === undefined ? call.hasIssued(headers) : call.id === id) ? call : undefined;
}

/** Where the first `traceparent` of a flat array stands; -1 where there is none. */
function placeOfTraceparent(headers: readonly unknown[]): number {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name: unknown = headers[i];
    if (typeof name === "string" && sameName(name, TRACEPARENT)) return i;
  }
  return -1;
}

/** The first value of a `traceparent`: a wrapper below ours may have appended its own to the line (`Headers.append`). */
function firstOf(value: string): string {
  const end = value.length > TRACEPARENT_LENGTH ? value.indexOf(",") : -1;
  return end === -1 ? value : value.slice(0, end);
}

// Of version 00.
const TRACEPARENT_LENGTH = 55;

/** Takes out what an instrumentation that cannot be suppressed has appended: a receiver must discard two values. Ours came first. */
function keepOneTraceparent(headers: unknown, from = 0): void {
  if (!Array.isArray(headers)) return;
  let seen = false;
  let foreign = false;
  for (let i = from; i + 1 < headers.length; i += 2) {
    const name = String(headers[i]);
    if (sameName(name, TRACEPARENT)) {
      foreign = seen;
      if (!seen && typeof headers[i + 1] === "string") headers[i + 1] = firstOf(headers[i + 1] as string);
      seen = true;
    } else if (!foreign || !sameName(name, TRACESTATE)) continue; // its `tracestate` follows its `traceparent`
    if (!foreign) continue;
    headers.splice(i, 2);
    i -= 2;
  }
}

/** The URL of a request. Its path may begin with two slashes, or be a whole URL (a proxy's). */
export function urlOfRequest({ origin, path }: ChannelRequest): string {
  return path.startsWith("/") ? `${typeof origin === "object" ? origin.origin : origin}${path}` : new URL(path, origin).href;
}

/** Lays the headers of another attempt over those of a request that is being created. */
export function replacePropagationHeaders(request: ChannelRequest, call: ClientCall): void {
  if (Array.isArray(request.headers)) writeHeaders(request.headers, call.headers ?? {}, call.replaced);
}
