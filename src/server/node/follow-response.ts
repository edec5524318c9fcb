import { context } from "@opentelemetry/api";
import type { Http2ServerResponse } from "node:http2";
import type { ServerCall } from "../../core/calls/server-call.ts";
import { isError } from "../../core/http/errors.ts";
import { STREAM_RESET, watchStream } from "./http2-stream.ts";
import type { NodeRequest, NodeResponse } from "./received-request.ts";

const CALL = Symbol("a2a-otel.call");

/** The call of a request, the innermost if there are several; found on the request even where the context has been lost. */
export function callOf(request: NodeRequest): ServerCall | undefined {
  return (request as { [CALL]?: ServerCall })[CALL];
}

const failures = new WeakMap<NodeResponse, unknown>();

/** Records why a response is about to break off, for code that destroys it without an error. Ignored if the response completes. */
export function noteFailure(response: NodeResponse, error: unknown): void {
  failures.set(response, error);
}

interface FollowOptions {
  /** Called before the call ends, for frameworks that know the route only then. */
  readonly beforeEnd?: () => void;
  /** What `responseHook` receives as the response. Default: the response of Node.js. */
  readonly hookResponse?: unknown;
}

/**
 * Ends a call when its response ends, and runs the listeners of the request and the response in the call's context: node:http emits their
 * events in the context of the connection.
 */
export function followResponse(call: ServerCall, request: NodeRequest, response: NodeResponse, options: FollowOptions = {}): void {
  const { beforeEnd, hookResponse = response } = options;
  (request as { [CALL]?: ServerCall })[CALL] = call;
  let isPrepared = false;
  let hasEnded = false;
  const stream = request.httpVersionMajor === 2 ? (response as Http2ServerResponse).stream : undefined;
  const streamEnd = stream && watchStream(stream, endEarly);
  emitInContext(call, request);
  emitInContext(call, response, (event, emit) => {
    if (event === "timeout") return emitTimeout(request, response, emit);
    if (event !== "finish" && event !== "close") return emit();
    prepare();
    // Other instrumentation may end its span in this event. A span of this call ends after the application's listeners have been called.
    if (!call.endsSpan) end();
    try {
      return emit();
    } finally {
      end();
    }
  });

  function endEarly(): void {
    prepare();
    end();
  }

  function prepare(): void {
    if (!isPrepared) beforeEnd?.();
    isPrepared = true;
  }

  function end(): void {
    if (hasEnded) return;
    hasEnded = true;
    const status = response.headersSent ? response.statusCode : undefined;
    const isReset = streamEnd?.isResetByServer === true;
    const error = isReset ? stream?.errored : responseFailure(response);
    if (isError(error)) return call.fail(error, { status });
    const errorType = isReset ? STREAM_RESET : undefined;
    call.end({ status, headers: () => sentHeaders(response), response: hookResponse, errorType });
  }
}

/** The error that broke off a response. node:http2 emits "finish" for such a response too, and has the error on its stream. */
function responseFailure(response: NodeResponse): unknown {
  if (response.writableFinished) return undefined;
  const { errored, stream } = response as { errored?: unknown; stream?: { errored?: unknown } };
  return errored ?? stream?.errored ?? failures.get(response);
}

/**
 * Emits "timeout". node:http destroys an idle connection without an error unless there is a listener; the server has timed out if it had the
 * whole request and nothing left to send.
 */
function emitTimeout(request: NodeRequest, response: NodeResponse, emit: () => boolean): boolean {
  const isHandled = emit();
  const isServersTurn = request.complete && (response as { writableLength?: number }).writableLength === 0;
  if (!isHandled && isServersTurn) noteFailure(response, new DOMException("The connection was idle for too long", "TimeoutError"));
  return isHandled;
}

/** The headers as they were sent: headers that are passed to `writeHead` are only in the text that node:http sends. */
function sentHeaders(response: NodeResponse): unknown {
  const { _header: text } = response as { _header?: unknown };
  if (typeof text !== "string") return response.getHeaders();
  const lines = text.split("\r\n").slice(1);
  return lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
}

type Emit = (event: string | symbol, ...args: unknown[]) => boolean;

interface Emitter {
  emit: Emit;
  /** Only of readable streams. */
  readonly readableEnded?: boolean;
  listenerCount(event: string | symbol): number;
}

/** Runs an emitter's listeners in the call's context, unless an event is emitted in a context that is derived from it. */
function emitInContext(
  call: ServerCall,
  emitter: Emitter,
  around?: (event: string | symbol, emit: () => boolean) => boolean,
): void {
  const { emit } = emitter;
  const emitWithContext: Emit = function (this: Emitter, ...args) {
    // No event follows "close", except the "end" of a request of node:http2. Without the reference to the call, a closed emitter that is
    // still in the young generation does not slow down its collections.
    const isLast = args[0] === "close" && emitter.readableEnded !== false;
    if (isLast && emitter.emit === emitWithContext) emitter.emit = emit;
    const proceed = (): boolean => {
      // Most events have no listener, and activating a context costs more than such an event.
      const isHeard = this.listenerCount(args[0]) > 0;
      if (!isHeard || call.owns(context.active())) return Reflect.apply(emit, this, args);
      return context.with(call.context, emit, this, ...args);
    };
    return around === undefined ? proceed() : around(args[0], proceed);
  };
  emitter.emit = emitWithContext;
}
