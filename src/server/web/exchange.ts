import type { Context } from "@opentelemetry/api";
import type { SentResponse, ServerCall } from "../../core/calls/server-call.ts";
import type { ServerConfig } from "../../core/calls/server-config.ts";
import { startServerCall } from "../../core/calls/start-server-call.ts";
import { isCancellation } from "../../core/http/errors.ts";
import type { BodyOutcome } from "../../core/streams/body-tracker.ts";
import { reportFailure, safeCall } from "../../core/telemetry/diagnostics.ts";
import { isNode } from "../../core/telemetry/environment.ts";
import { followResponse } from "../node/follow-response.ts";
import { readInContext } from "../read-in-context.ts";
import { applicationStream, declaresStream, endWhenDropped, tapCopy, tapInPlace } from "./body.ts";
import { readHost } from "./host.ts";
import type { Host } from "./host.ts";
import { contextOfRequest, readRequest } from "./received-request.ts";

interface ExchangeStart {
  readonly request: Request;
  /** The second argument of the handler, by which the server describes the connection. */
  readonly hostArgument: unknown;
  readonly active: Context;
  /** The context that the caller's context is added to. */
  readonly base: Context;
  /** Returns the route that a framework has matched. */
  readonly route?: () => string | undefined;
}

/** Starts the call of a received `Request`; undefined if the request is ignored, or if there is nothing to record and propagate. */
export function startExchange(config: ServerConfig, start: ExchangeStart): WebExchange | undefined {
  try {
    const { request, base, route } = start;
    const host = readHost(request, start.hostArgument);
    const active = contextOfRequest(request, host, start.active);
    const call = startServerCall(config, { received: readRequest(request, host), request, active, base });
    return call && new WebExchange(call, request, host, route);
  } catch (error) {
    reportFailure("receiving a request", error);
    return undefined;
  }
}

interface Failure {
  readonly error: unknown;
}

/**
 * A received request and its response. The server reports the end of the response if it can: `@hono/node-server` by the response of node:http,
 * Deno by a promise. Otherwise the call ends with the body of a response that is streamed, or when the handler returns.
 */
export class WebExchange {
  readonly #call: ServerCall;
  readonly #request: Request;
  readonly #host: Host;
  readonly #route: (() => string | undefined) | undefined;
  #isRouted = false;
  #response: Response | undefined;
  #failure: Failure | undefined;

  constructor(call: ServerCall, request: Request, host: Host, route: (() => string | undefined) | undefined) {
    this.#call = call;
    this.#request = request;
    this.#route = route;
    // Other instrumentation ends its span itself, so the end of the response need not be observed.
    this.#host = call.endsSpan ? host : {};
    const { node, completed } = this.#host;
    const end = (): void => this.#end();
    if (node !== undefined) followResponse(this.#nodeCall(), node.incoming, node.outgoing);
    else completed?.then(end, end);
  }

  get context(): Context {
    return this.#call.context;
  }

  /**
   * The handler has returned.
   *
   * @param failure the error of which a framework has made the response.
   * @returns the response to pass on: the same one, except for a body that can only be followed in a copy.
   */
  returned<Answer>(answer: Answer, failure?: Failure): Answer {
    try {
      this.#failure = failure;
      this.#setRoute();
      // A handler of Bun returns nothing for a request that became a WebSocket.
      if (isResponse(answer)) this.#response = answer;
      if (this.#response !== undefined && this.#call.endsWithHeaders?.(this.#response) === true) this.#end();
      const followed = this.#followBody();
      if (followed === undefined && !this.#isEndReported) this.#end();
      return (followed ?? answer) as Answer;
    } catch (error) {
      reportFailure("following a response", error);
      this.#end();
      return answer;
    }
  }

  /** The handler has thrown. */
  failed(error: unknown): void {
    this.#failure = { error };
    this.#setRoute();
    if (!this.#isEndReported) this.#end();
  }

  /** Whether the server reports the end of the response. */
  get #isEndReported(): boolean {
    return this.#host.node !== undefined || this.#host.completed !== undefined;
  }

  /** Follows the body of a response that is streamed; returns undefined if there is none. */
  #followBody(): Response | undefined {
    const response = this.#response;
    if (response === undefined || !this.#call.endsSpan || this.#request.method === "HEAD") return undefined;
    if (isNullBodyStatus(response.status)) return undefined;
    const isInPlace = this.#host.node !== undefined || isNode();
    const body = isInPlace ? applicationStream(response) : declaresStream(response) ? response.body : undefined;
    if (body === undefined || body === null || body.locked) return undefined;
    const call = this.#call;
    // A server that reports the end of a response does not report that its source failed; the source itself does.
    const dropped = this.#isEndReported ? undefined : endWhenDropped(call, response.status);
    const outcome = this.#bodyOutcome();
    if (isInPlace) {
      readInContext(call, body);
      tapInPlace(response, body, outcome, dropped);
      return response;
    }
    // Deno warns about listeners of this signal, and reports the end by its promise.
    if (!this.#isEndReported) endOnAbort(this.#request.signal, outcome);
    return (this.#response = tapCopy(call, response, body, outcome, dropped));
  }

  #bodyOutcome(): BodyOutcome {
    const end = (time?: number): void => {
      if (!this.#isEndReported) this.#end({ time });
    };
    const failed = (error: unknown): void => {
      this.#failure ??= { error };
      end();
    };
    return { ended: end, abandoned: end, failed };
  }

  /** The call as {@link followResponse} ends it: with the failure and the `Response` that are known here. */
  #nodeCall(): ServerCall {
    const call = this.#call;
    return {
      context: call.context,
      endsSpan: call.endsSpan,
      owns: (active) => call.owns(active),
      setRoute: (route) => call.setRoute(route),
      end: ({ status, headers, errorType }) => this.#end({ status, headers, errorType }),
      fail: (error, { status }) => {
        this.#failure ??= { error };
        this.#end({ status });
      },
    };
  }

  /** @param sent what was sent, if the server reports it. Default: the response that the handler returned. */
  #end(sent: Partial<SentResponse> = {}): void {
    this.#setRoute();
    const response = this.#response;
    const whole = { status: response?.status, headers: () => response?.headers, ...sent, response };
    const failure = this.#failure;
    if (failure === undefined || this.#isClientAbort(failure.error)) this.#call.end(whole);
    else this.#call.fail(failure.error, whole);
  }

  #setRoute(): void {
    if (this.#isRouted) return;
    this.#isRouted = true;
    const route = this.#route?.();
    if (route !== undefined) this.#call.setRoute(route);
  }

  /** Whether a failure only reports that the client closed the connection, which is not an error. */
  #isClientAbort(error: unknown): boolean {
    const signal = safeCall("reading a request's signal", () => this.#request.signal);
    return signal?.aborted === true && isCancellation(error, signal);
  }
}

/**
 * Cloudflare does not cancel the body when the client closes the connection. The request may outlive its response, so that its signal refers
 * to the outcome weakly.
 */
function endOnAbort(signal: AbortSignal | undefined, outcome: BodyOutcome): void {
  if (typeof WeakRef === "undefined") return;
  const reference = new WeakRef(outcome);
  signal?.addEventListener("abort", () => reference.deref()?.abandoned(), { once: true });
}

/** Whether a handler returned a response that can be sent; `Response.error()`, whose status is 0, cannot. */
function isResponse(answer: unknown): answer is Response {
  return typeof answer === "object" && answer !== null && Number((answer as Partial<Response>).status) > 0;
}

/** Whether a response of this status has no body (Fetch standard, "null body status"). */
function isNullBodyStatus(status: number): boolean {
  return status < 200 || status === 204 || status === 205 || status === 304;
}
