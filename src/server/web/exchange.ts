import type { Context } from "@opentelemetry/api";
import type { Outcome } from "../../core/streams/body-tracker.ts";
import { isNode } from "../../core/telemetry/environment.ts";
import { isCancellation } from "../../core/http/errors.ts";
import { safeCall, reportFailure } from "../../core/telemetry/diagnostics.ts";
import { receiveCall } from "../../core/calls/server-call.ts";
import type { ServerCall } from "../../core/calls/server-call.ts";
import type { ServerConfig } from "../../core/calls/server-config.ts";
import { followResponse } from "../exchange.ts";
import { droppedOf, readInContext, saysStreamed, streamOf, tapCopy, tapInPlace } from "./body.ts";
import { hostOf } from "./host.ts";
import type { Host } from "./host.ts";
import { contextOfRequest, receivedOf } from "./received.ts";

/**
 * Begins a received `Request`.
 *
 * @param given what the server has handed over with it.
 * @param base what the caller's context is added to.
 * @returns undefined where the request is to be handled as if we were not there.
 */
export function receiveRequest(
  config: ServerConfig,
  request: Request,
  given: unknown,
  active: Context,
  base: Context,
  route?: () => string | undefined,
): WebExchange | undefined {
  try {
    const host = hostOf(request, given);
    const call = receiveCall(config, receivedOf(request, host), request, contextOfRequest(request, host, active), base);
    return call && new WebExchange(call, request, host, route);
  } catch (error) {
    reportFailure("receiving a request", error);
    return undefined;
  }
}

/**
 * A received request and what becomes of it. Its end is told by the server where that does so (`@hono/node-server` by the response of
 * node:http, Deno by a promise), else by the body of a response that is streamed; else it is the answer itself.
 */
export class WebExchange {
  readonly #call: ServerCall;
  readonly #request: Request;
  readonly #host: Host;
  readonly #route: (() => string | undefined) | undefined;
  #isMatched = false;
  #response: Response | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(call: ServerCall, request: Request, host: Host, route: (() => string | undefined) | undefined) {
    this.#call = call;
    this.#request = request;
    this.#route = route;
    // Somebody else's span ends as that somebody sees fit.
    this.#host = call.endsSpan ? host : {};
    const { node, completed } = this.#host;
    const over = (): void => this.#over();
    if (node !== undefined) followResponse(this.#toldByNode(), node.incoming, node.outgoing);
    else completed?.then(over, over);
  }

  get context(): Context {
    return this.#call.context;
  }

  /**
   * The handler has answered; a framework knows of a failure that it has made an answer of.
   *
   * @returns what is to be handed on: the very same, but for a body that cannot be followed otherwise.
   */
  answered<Answer>(answer: Answer, failure?: { readonly error: unknown }): Answer {
    try {
      this.#failure = failure;
      this.#match();
      // Bun's handlers return nothing for a request that they have made a WebSocket of.
      if (isResponse(answer)) this.#response = answer;
      const followed = this.#follow();
      if (followed === undefined && !this.#isTold) this.#over();
      return (followed ?? answer) as Answer;
    } catch (error) {
      reportFailure("following a response", error);
      this.#over();
      return answer;
    }
  }

  /** The handler threw. */
  failed(error: unknown): void {
    this.#failure = { error };
    this.#match();
    if (!this.#isTold) this.#over();
  }

  /** Whether the server tells of the response's end. */
  get #isTold(): boolean {
    return this.#host.node !== undefined || this.#host.completed !== undefined;
  }

  /** Follows the body of a response that is streamed; undefined where there is none. */
  #follow(): Response | undefined {
    const response = this.#response;
    if (response === undefined || !this.#call.endsSpan || this.#request.method === "HEAD") return undefined;
    if (isBodiless(response.status)) return undefined;
    const isInPlace = this.#host.node !== undefined || isNode();
    const body = isInPlace ? streamOf(response) : saysStreamed(response) ? response.body : undefined;
    if (body === undefined || body === null || body.locked) return undefined;
    const call = this.#call;
    // The server tells of the end, but not of a failure that it has made an end of: that the source tells.
    const dropped = this.#isTold ? undefined : droppedOf(call, response.status);
    const outcome = this.#outcome();
    if (isInPlace) {
      readInContext(call, body);
      tapInPlace(response, body, outcome, dropped);
      return response;
    }
    // Deno warns of whoever listens, and tells by its promise.
    if (!this.#isTold) leaveOnAbort(this.#request.signal, outcome);
    return (this.#response = tapCopy(call, response, body, outcome, dropped));
  }

  #outcome(): Outcome {
    const over = (time?: number): void => {
      if (!this.#isTold) this.#over(undefined, time);
    };
    const failed = (error: unknown): void => {
      this.#failure ??= { error };
      over();
    };
    return { ended: over, left: over, failed };
  }

  #toldByNode(): ServerCall {
    const call = this.#call;
    return {
      context: call.context,
      endsSpan: call.endsSpan,
      owns: (active) => call.owns(active),
      matched: (route) => call.matched(route),
      end: (status, headers) => this.#over({ status, headers }),
      fail: (error, status) => {
        this.#failure ??= { error };
        this.#over({ status, headers: () => this.#response?.headers });
      },
    };
  }

  /** @param sent what has really been sent, where that is known; default: the answer. */
  #over(sent?: Sent, time?: number): void {
    this.#match();
    const response = this.#response;
    const { status, headers } = sent ?? { status: response?.status, headers: () => response?.headers };
    const failure = this.#failure;
    if (failure === undefined || this.#isClients(failure.error)) this.#call.end(status, headers, response, time);
    else this.#call.fail(failure.error, status, headers, response);
  }

  #match(): void {
    if (this.#isMatched) return;
    this.#isMatched = true;
    const route = this.#route?.();
    if (route !== undefined) this.#call.matched(route);
  }

  /** Whether a failure is only that the client has gone, which is no error. */
  #isClients(error: unknown): boolean {
    const signal = safeCall("reading a request's signal", () => this.#request.signal);
    return signal?.aborted === true && isCancellation(error, signal);
  }
}

interface Sent {
  /** Undefined where nothing was. */
  readonly status: number | undefined;
  readonly headers: () => unknown;
}

/** Cloudflare does not cancel the body when the client has gone. A request outlives its response, so it must not hold on to that. */
function leaveOnAbort(signal: AbortSignal | undefined, outcome: Outcome): void {
  if (typeof WeakRef === "undefined") return;
  const held = new WeakRef(outcome);
  signal?.addEventListener("abort", () => held.deref()?.left(), { once: true });
}

/** Not `Response.error()`, whose status is 0: no server sends it. */
function isResponse(answer: unknown): answer is Response {
  return typeof answer === "object" && answer !== null && Number((answer as Partial<Response>).status) > 0;
}

/** Whether a response of this status has no body (Fetch standard, "null body status"). */
function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 205 || status === 304;
}
