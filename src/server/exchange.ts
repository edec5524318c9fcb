import { context } from "@opentelemetry/api";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Received, ServerCall } from "../core/server-call.ts";

/** A request and a response of node:http, or of node:http2's compatibility API. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** What a request of Node's says of itself. */
export function receivedOf(request: NodeRequest): Received {
  const { socket, headers } = request;
  const authority = headers[":authority"];
  return {
    method: request.method ?? "",
    // Express rewrites `url` below a mount and keeps what came in here.
    target: (request as { originalUrl?: string }).originalUrl ?? request.url ?? "",
    scheme: (socket as { encrypted?: boolean } | undefined)?.encrypted === true ? "https" : "http",
    host: typeof authority === "string" ? authority : headers.host,
    headers,
    peerAddress: socket?.remoteAddress,
    peerPort: socket?.remotePort,
    protocolVersion: request.httpVersion === "2.0" ? "2" : request.httpVersion,
  };
}

/**
 * Follows a request to the end of its response, and gives the listeners on both their context back: node:http emits their events in the
 * context of the connection, so a body reader written by hand would lose the trace.
 *
 * @param beforeEnd is called before the span ends: a framework knows the route only then.
 */
export function followResponse(call: ServerCall, request: NodeRequest, response: NodeResponse, beforeEnd?: () => void): void {
  inContext(call, request);
  inContext(call, response, (event) => {
    if (event !== "finish" && event !== "close") return;
    beforeEnd?.();
    const broken = event === "close" && !response.writableFinished;
    const status = broken && !response.headersSent ? undefined : response.statusCode;
    const error: unknown = broken ? (response as { errored?: unknown }).errored : undefined;
    if (error instanceof Error) call.fail(error, status);
    else call.end(status, response.getHeaders(), response);
  });
}

type Emit = (event: string | symbol, ...args: unknown[]) => boolean;

/** Has an emitter's listeners run in the call's context, unless an event is emitted in one that comes from it. */
function inContext(call: ServerCall, emitter: { emit: Emit }, onEvent?: (event: string | symbol) => void): void {
  const emit = emitter.emit;
  emitter.emit = function (this: unknown, ...args: Parameters<Emit>): boolean {
    onEvent?.(args[0]);
    if (call.owns(context.active())) return Reflect.apply(emit, this, args);
    return context.with(call.context, emit, this, ...args);
  };
}
