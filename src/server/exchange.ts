import { context } from "@opentelemetry/api";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { protocolVersion } from "../core/http/attributes.ts";
import { isError } from "../core/http/errors.ts";
import type { Received } from "../core/http/server-attributes.ts";
import type { ServerCall } from "../core/calls/server-call.ts";

/** A request and a response of node:http, or of node:http2's compatibility API. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** What a request of Node's says of itself; each is asked for only when it is needed. */
export class NodeReceived implements Received {
  readonly #request: NodeRequest;

  constructor(request: NodeRequest) {
    this.#request = request;
  }

  get method(): string {
    return this.#request.method ?? "";
  }

  get target(): string {
    // Express rewrites `url` below a mount and keeps what came in here.
    return (this.#request as { originalUrl?: string }).originalUrl ?? this.#request.url ?? "";
  }

  get scheme(): string {
    return (this.#request.socket as { encrypted?: boolean } | undefined)?.encrypted === true ? "https" : "http";
  }

  get host(): string | undefined {
    const { headers } = this.#request;
    const authority = headers[":authority"];
    return typeof authority === "string" ? authority : headers.host;
  }

  get headers(): NodeRequest["headers"] {
    return this.#request.headers;
  }

  get userAgent(): string | undefined {
    return this.#request.headers["user-agent"];
  }

  get peerAddress(): string | undefined {
    return this.#request.socket?.remoteAddress;
  }

  get peerPort(): number | undefined {
    return this.#request.socket?.remotePort;
  }

  get protocolVersion(): string {
    return protocolVersion(this.#request.httpVersion);
  }

  carried(names: readonly string[]): Record<string, string> | undefined {
    const { headers } = this.#request;
    let found: Record<string, string> | undefined;
    // Node has the names in lower case, and several values of one in a list: they need not be looked for.
    for (const name of names) {
      const value = headers[name] ?? headers[name.toLowerCase()];
      if (value === undefined) continue;
      found ??= {};
      found[name.toLowerCase()] = typeof value === "string" ? value : value.join(",");
    }
    return found;
  }
}

const CALL = Symbol("a2a-otel.call");

/** The call that follows a request, the innermost where there are several, also where the context has been lost on the way. */
export function callOf(request: NodeRequest): ServerCall | undefined {
  return (request as { [CALL]?: ServerCall })[CALL];
}

const failures = new WeakMap<NodeResponse, unknown>();

/** Tells why a response may be about to break off, where whoever destroys it does not say. It does not count if the response is finished. */
export function failing(response: NodeResponse, error: unknown): void {
  failures.set(response, error);
}

/**
 * Follows a request to the end of its response, and gives the listeners on both their context back: node:http emits their events in the
 * context of the connection, so a body reader written by hand would lose the trace.
 *
 * @param beforeEnd is called before the span ends: a framework knows the route only then.
 * @param told is what hooks are told of as the response, where a framework has one of its own.
 */
export function followResponse(
  call: ServerCall,
  request: NodeRequest,
  response: NodeResponse,
  beforeEnd?: () => void,
  told: unknown = response,
): void {
  (request as { [CALL]?: ServerCall })[CALL] = call;
  const end = (): void => {
    // node:http2 emits "finish" for a stream that was cut, too, and keeps the error on the stream.
    const status = response.headersSent ? response.statusCode : undefined;
    const { errored, stream } = response as { errored?: unknown; stream?: { errored?: unknown } };
    const error = response.writableFinished ? undefined : (errored ?? stream?.errored ?? failures.get(response));
    if (isError(error)) call.fail(error, status);
    else call.end(status, () => headersOf(response), told);
  };
  inContext(call, request);
  inContext(call, response, (event, emit) => {
    if (event === "timeout") return timedOut(request, response, emit);
    if (event !== "finish" && event !== "close") return emit();
    beforeEnd?.();
    // Somebody else's span may end with this very event; ours ends after the application's own listeners have seen it.
    if (!call.endsSpan) end();
    try {
      return emit();
    } finally {
      end();
    }
  });
}

/** An idle connection that no listener takes care of is destroyed by node:http without an error. It is one where the client was not waited for. */
function timedOut(request: NodeRequest, response: NodeResponse, emit: () => boolean): boolean {
  const isHeard = emit();
  const isOurs = request.complete && (response as { writableLength?: number }).writableLength === 0;
  if (!isHeard && isOurs) failing(response, new DOMException("the connection was idle for too long", "TimeoutError"));
  return isHeard;
}

/** The headers as they were sent: node:http keeps those that are given to `writeHead` only in the text that it sends. */
function headersOf(response: NodeResponse): unknown {
  const { _header: sent } = response as { _header?: unknown };
  if (typeof sent !== "string") return response.getHeaders();
  const lines = sent.split("\r\n").slice(1);
  return lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
}

type Emit = (event: string | symbol, ...args: unknown[]) => boolean;

interface Emitter {
  emit: Emit;
  /** Of what is read. */
  readonly readableEnded?: boolean;
  listenerCount(event: string | symbol): number;
}

/** Has an emitter's listeners run in the call's context, unless an event is emitted in one that comes from it. */
function inContext(call: ServerCall, emitter: Emitter, around?: (event: string | symbol, emit: () => boolean) => boolean): void {
  const { emit } = emitter;
  const emitInContext: Emit = function (this: Emitter, ...args) {
    // Nothing comes after a close, but node:http2's end of a request. What a closed emitter refers to outlives it in the young generation, and makes
    // each of its collections four times as long.
    const isOver = args[0] === "close" && emitter.readableEnded !== false;
    if (isOver && emitter.emit === emitInContext) emitter.emit = emit;
    return around === undefined ? emitIn(call, emit, this, args) : around(args[0], () => emitIn(call, emit, this, args));
  };
  emitter.emit = emitInContext;
}

function emitIn(call: ServerCall, emit: Emit, emitter: Emitter, args: Parameters<Emit>): boolean {
  // A change of context costs more than an event that nobody listens to, and most are such.
  const isHeard = emitter.listenerCount(args[0]) > 0;
  return isHeard && !call.owns(context.active())
    ? context.with(call.context, emit, emitter, ...args)
    : Reflect.apply(emit, emitter, args);
}
