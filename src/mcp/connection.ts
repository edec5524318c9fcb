import { context as contextApi } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { safeCall } from "../core/telemetry/diagnostics.ts";
import { isThenable } from "../core/telemetry/thenable.ts";
import { addToCaller } from "./caller.ts";
import { deliveryContext, withinTransport } from "./carrier.ts";
import type { McpConfig } from "./config.ts";
import { registerMcpEndpoint } from "./endpoint.ts";
import { acknowledgedSubscription, asText, cancelledRequest, isRequest } from "./message/message.ts";
import type { Message } from "./message/message.ts";
import type { Operation } from "./operation.ts";
import { describePeer } from "./peer.ts";
import type { Peer } from "./peer.ts";
import { startReceiving } from "./receiving.ts";
import { isSendingActive, startSending } from "./sending.ts";
import { INITIALIZE, Session } from "./session.ts";
import type { Deliver, MessageExtra, Send, SendOptions, Transport, TransportObserver } from "./transport.ts";

/** `error.type` of what was open when the connection was closed; the name that v2 of the SDK has for it. */
const CONNECTION_CLOSED = "CONNECTION_CLOSED";

/** One connection of a client or a server, with the requests and notifications of both directions. Nothing here throws into the SDK. */
export class Connection implements TransportObserver {
  readonly #config: McpConfig;
  readonly #owner: object;
  readonly #peer: Peer;
  readonly #session: Session;
  /** The requests without a response, by id: those that were sent, and those that are being handled. */
  readonly #sent = new Map<unknown, Operation>();
  readonly #received = new Map<unknown, Operation>();

  #unregister: (() => void) | undefined = undefined;

  /** @param owner the wrapped object, unwrapped. */
  constructor(config: McpConfig, owner: object, transport: Transport) {
    this.#config = config;
    this.#owner = owner;
    this.#peer = describePeer(config, transport);
    this.#session = new Session(config, transport, this.#peer.attributes);
  }

  /** Calls `connect()` of the wrapped object. */
  open(connect: () => unknown): unknown {
    if (this.#peer.streams) this.#unregister = registerMcpEndpoint(this.#peer.url, this);
    const result = contextApi.with(withinTransport(contextApi.active(), this, undefined), connect);
    if (!isThenable(result)) return result;
    return result.then(undefined, (error: unknown) => {
      this.#unregister?.();
      throw error;
    });
  }

  send(message: Message, options: SendOptions | undefined, send: Send): unknown {
    if (message.method === undefined) {
      safeCall("sending an MCP response", () => this.#respond(this.#received, message));
      return send(message, options);
    }
    const sending = isSendingActive(this.#config)
      ? safeCall("sending an MCP message", () => this.#startSending(message))
      : undefined;
    if (sending === undefined) return send(message, options);
    const { operation } = sending;
    const result = this.#sendWithin(sending.context, operation, () => send(sending.message, options));
    if (operation !== undefined) followSending(operation, result, options?.requestSignal);
    return result;
  }

  #sendWithin(context: Context, operation: Operation | undefined, send: () => unknown): unknown {
    if (this.#peer.streams) return contextApi.with(withinTransport(context, this, operation), send);
    return context === contextApi.active() ? send() : contextApi.with(context, send);
  }

  #startSending(message: Message): ReturnType<typeof startSending> {
    const cancelled = this.#sent.size === 0 ? undefined : this.#sent.get(cancelledRequest(message));
    // The cancellation of a request belongs to the request.
    const active = cancelled?.context ?? contextApi.active();
    const attributes = this.#session.attributesOf(message, undefined);
    const sending = startSending(this.#config, { message, attributes, peer: this.#peer, active });
    if (cancelled !== undefined && !cancelled.isFollowed) endCancelled(cancelled, message);
    if (message.method === INITIALIZE) this.#session.begin();
    const operation = sending?.operation;
    if (isRequest(message)) addToCaller(this.#owner, operation);
    if (operation?.isRequest === true) add(this.#sent, message, operation);
    return sending;
  }

  receive(message: Message, extra: MessageExtra | undefined, deliver: Deliver): unknown {
    if (message.method === undefined) {
      if (this.#sent.size > 0) safeCall("receiving an MCP response", () => this.#respond(this.#sent, message));
      return deliver(message, extra);
    }
    const receiving = safeCall("receiving an MCP message", () => this.#startReceiving(message, extra));
    if (receiving === undefined) return deliver(message, extra);
    const { operation } = receiving;
    try {
      return contextApi.with(operation.context, deliver, undefined, receiving.message, extra);
    } finally {
      if (!operation.isRequest) operation.end();
    }
  }

  #startReceiving(message: Message, extra: MessageExtra | undefined): ReturnType<typeof startReceiving> {
    const active = contextApi.active();
    const base = this.#config.side === "client" ? deliveryContext(active, this) : active;
    const attributes = this.#session.attributesOf(message, extra);
    const receiving = startReceiving(this.#config, { message, attributes, base });
    this.#received.get(cancelledRequest(message))?.end();
    this.#sent.get(acknowledgedSubscription(message))?.end();
    if (message.method === INITIALIZE) this.#session.begin();
    if (receiving?.operation.isRequest === true) add(this.#received, message, receiving.operation);
    return receiving;
  }

  #respond(requests: Map<unknown, Operation>, message: Message): void {
    // The SDKs accept a response whose id has become a string on the way.
    const id = requests.has(message.id) ? message.id : Number(message.id);
    const operation = requests.get(id);
    if (operation === undefined) return;
    requests.delete(id);
    if (operation.method === INITIALIZE) {
      for (const [name, value] of Object.entries(this.#session.initialized(message))) operation.set(name, value);
    }
    operation.respond(message);
  }

  closed(deliver: (() => unknown) | undefined): void {
    try {
      deliver?.();
    } finally {
      safeCall("closing an MCP connection", () => this.#end());
    }
  }

  #end(): void {
    this.#unregister?.();
    // The connection of one request is closed by the client that cancels the request.
    for (const operation of this.#received.values()) {
      if (this.#peer.isPerRequest) operation.end();
      else operation.failAs(CONNECTION_CLOSED, undefined);
    }
    for (const operation of this.#sent.values()) if (!operation.isFollowed) operation.failAs(CONNECTION_CLOSED, undefined);
    this.#received.clear();
    this.#sent.clear();
    this.#session.end();
  }
}

/** Adds a request. A peer that uses the id of an open request again cannot receive two responses. */
function add(requests: Map<unknown, Operation>, { id }: Message, operation: Operation): void {
  requests.get(id)?.end();
  requests.set(id, operation);
}

/** Ends a request whose cancellation is announced: the SDKs cancel a request that has timed out, which is an error, unlike a cancellation by the application. */
function endCancelled(operation: Operation, { params }: Message): void {
  const reason = asText(params?.["reason"]) ?? "";
  if (!/time(?:d )?-?out/i.test(reason)) operation.end();
  else operation.failAs(/-32\d{3}/.exec(reason)?.[0] ?? /^\w+Error\b/.exec(reason)?.[0] ?? "TimeoutError", reason);
}

/** Ends an operation with the promise of its sending. The SDKs handle the rejection of this promise, so that observing it hides none. */
function followSending(operation: Operation, result: unknown, signal: AbortSignal | undefined): void {
  if (operation.isRequest) signal?.addEventListener("abort", () => operation.isFollowed || operation.end());
  const acknowledged = (): void => {
    if (!operation.isRequest) operation.end();
  };
  if (isThenable(result)) void result.then(acknowledged, (error: unknown) => operation.fail(error, signal));
  else acknowledged();
}
