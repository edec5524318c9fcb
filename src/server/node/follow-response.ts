import type { Http2ServerResponse, ServerHttp2Stream } from "node:http2";
import type { ServerCall } from "../../core/calls/server-call.ts";
import { isError } from "../../core/http/errors.ts";
import { emitInContext } from "./emit-in-context.ts";
import type { ListenerObserver } from "./emit-in-context.ts";
import { STREAM_RESET, watchStream } from "./http2-stream.ts";
import type { StreamEnd } from "./http2-stream.ts";
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
export function followResponse(call: ServerCall, request: NodeRequest, response: NodeResponse, options?: FollowOptions): void {
  (request as { [CALL]?: ServerCall })[CALL] = call;
  emitInContext(call, request, undefined);
  emitInContext(call, response, new ResponseEnd(call, request, response, options));
}

/** Ends the call of a response, with the events that the response emits. */
class ResponseEnd implements ListenerObserver {
  readonly #call: ServerCall;
  readonly #request: NodeRequest;
  readonly #response: NodeResponse;
  readonly #options: FollowOptions | undefined;
  readonly #stream: ServerHttp2Stream | undefined;
  readonly #streamEnd: StreamEnd | undefined;
  #isPrepared = false;
  #hasEnded = false;

  constructor(call: ServerCall, request: NodeRequest, response: NodeResponse, options: FollowOptions | undefined) {
    this.#call = call;
    this.#request = request;
    this.#response = response;
    this.#options = options;
    this.#stream = request.httpVersionMajor === 2 ? (response as Http2ServerResponse).stream : undefined;
    this.#streamEnd = this.#stream && watchStream(this.#stream, () => this.#end());
    if (call.endsWithHeaders !== undefined) this.#endWithHeaders(call.endsWithHeaders);
  }

  /** Node.js calls `writeHead` also for headers that are sent implicitly; no event reports that headers are sent. */
  #endWithHeaders(decide: (response: unknown) => boolean): void {
    const response = this.#response as { writeHead: (...args: unknown[]) => unknown };
    const { writeHead } = response;
    let isDecided = false;
    response.writeHead = (...args) => {
      const result: unknown = Reflect.apply(writeHead, response, args);
      const isFirst = !isDecided && !this.#hasEnded;
      isDecided = true;
      if (isFirst && decide(this.#options?.hookResponse ?? response)) this.#end();
      return result;
    };
  }

  beforeListeners(event: string | symbol): void {
    if (event !== "finish" && event !== "close") return;
    this.#prepare();
    // Other instrumentation may end its span in this event. A span of this call ends after the application's listeners have been called.
    if (!this.#call.endsSpan) this.#end();
  }

  afterListeners(event: string | symbol, isHandled: boolean): void {
    if (event === "finish" || event === "close") this.#end();
    else if (event === "timeout" && !isHandled) noteTimeout(this.#request, this.#response);
  }

  #prepare(): void {
    if (!this.#isPrepared) this.#options?.beforeEnd?.();
    this.#isPrepared = true;
  }

  #end(): void {
    this.#prepare();
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const response = this.#response;
    const status = response.headersSent ? response.statusCode : undefined;
    const isReset = this.#streamEnd?.isResetByServer === true;
    const error = isReset ? this.#stream?.errored : responseFailure(response);
    if (isError(error)) return this.#call.fail(error, { status });
    const errorType = isReset ? STREAM_RESET : undefined;
    const hookResponse = this.#options?.hookResponse ?? response;
    this.#call.end({ status, headers: () => sentHeaders(response), response: hookResponse, errorType });
  }
}

/** The error that broke off a response. node:http2 emits "finish" for such a response too, and has the error on its stream. */
function responseFailure(response: NodeResponse): unknown {
  if (response.writableFinished) return undefined;
  const { errored, stream } = response as { errored?: unknown; stream?: { errored?: unknown } };
  return errored ?? stream?.errored ?? failures.get(response);
}

/**
 * Records that the server has timed out: node:http destroys an idle connection without an error unless "timeout" has a listener. It is the server
 * that has timed out if it had the whole request and nothing left to send.
 */
function noteTimeout(request: NodeRequest, response: NodeResponse): void {
  const isServersTurn = request.complete && (response as { writableLength?: number }).writableLength === 0;
  if (isServersTurn) noteFailure(response, new DOMException("The connection was idle for too long", "TimeoutError"));
}

/** The headers as they were sent: headers that are passed to `writeHead` are only in the text that node:http sends. */
function sentHeaders(response: NodeResponse): unknown {
  const { _header: text } = response as { _header?: unknown };
  if (typeof text !== "string") return response.getHeaders();
  const lines = text.split("\r\n").slice(1);
  return lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
}
