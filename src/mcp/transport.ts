import { wrapMethods } from "../core/telemetry/wrap-methods.ts";
import type { MethodWrapper } from "../core/telemetry/wrap-methods.ts";
import type { Message } from "./message/message.ts";

export type Deliver = (message: Message, extra?: MessageExtra) => unknown;
export type Send = (message: Message, options?: SendOptions) => unknown;

/** What the transports of both SDKs have in common. */
export interface Transport {
  readonly sessionId?: string | undefined;
  send: Send;
  onmessage?: Deliver | undefined;
  onclose?: (() => unknown) | undefined;
}

/** What a server's transport knows of a message beside the message itself: `requestInfo` in v1, `request` in v2. */
export interface MessageExtra {
  readonly requestInfo?: { readonly headers?: unknown } | undefined;
  readonly request?: { readonly headers?: unknown } | undefined;
}

export interface SendOptions {
  /** Aborted when the request is cancelled (v2, MCP 2026-07-28 over HTTP). */
  readonly requestSignal?: AbortSignal | undefined;
}

/** What observes the messages of a transport. */
export interface TransportObserver {
  send(message: Message, options: SendOptions | undefined, send: Send): unknown;
  receive(message: Message, extra: MessageExtra | undefined, deliver: Deliver): unknown;
  closed(deliver: (() => unknown) | undefined): void;
}

/** The transports behind proxies, and the callbacks behind those that observe. */
const originals = new WeakMap<object, object>();

/** The transport or callback that was passed to this module; the value itself if it is neither. */
export function originalOf<T>(value: T): T {
  return (
    (typeof value === "object" || typeof value === "function") && value !== null ? (originals.get(value) ?? value) : value
  ) as T;
}

/** Whether a transport is a proxy of {@link observeTransport}. */
export function isObserved(transport: object): boolean {
  return originals.has(transport);
}

/**
 * A proxy of a transport whose messages pass through the observer. All messages of both directions pass here, those that the protocol object creates
 * by itself (cancellations, progress) included. The transport is not changed, except that the protocol object sets its callbacks.
 */
export function observeTransport<T extends Transport>(transport: T, observer: TransportObserver): T {
  const send: MethodWrapper = (call, [message, options]) =>
    observer.send(message as Message, options as SendOptions | undefined, (...args) => call(args));
  const proxy = wrapMethods(transport, new Map([["send", send]]), {
    // The SDKs compare callbacks and chain those that they find.
    read: (key, value) => (isCallback(key) ? originalOf(value) : undefined),
    write: (key, value) => (isCallback(key) ? observeCallback(key, value, observer) : value),
  });
  originals.set(proxy, transport);
  return proxy;
}

/** Observes a transport that is in use already, so that it cannot be replaced by a proxy: its method and its callbacks are replaced instead. */
export function observeConnectedTransport(transport: Transport, observer: TransportObserver): void {
  const send = transport.send.bind(transport);
  transport.send = (message, options) => observer.send(message, options, send);
  for (const key of ["onmessage", "onclose"] as const) Reflect.set(transport, key, observeCallback(key, transport[key], observer));
}

function isCallback(key: PropertyKey): boolean {
  return key === "onmessage" || key === "onclose" || key === "onerror";
}

function observeCallback(key: PropertyKey, callback: unknown, observer: TransportObserver): unknown {
  if (typeof callback !== "function" || key === "onerror") return callback;
  const observing =
    key === "onmessage"
      ? (message: Message, extra?: MessageExtra) => observer.receive(message, extra, callback as Deliver)
      : () => observer.closed(callback as () => unknown);
  originals.set(observing, callback);
  return observing;
}
