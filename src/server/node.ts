import { ROOT_CONTEXT, context } from "@opentelemetry/api";
import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, hasOptions } from "../core/telemetry/check-options.ts";
import type { ServerOptions } from "../core/telemetry/options.ts";
import { startServerCall } from "../core/calls/start-server-call.ts";
import { serverConfig } from "../core/calls/server-config.ts";
import { sharedState } from "../core/telemetry/shared-state.ts";
import { followResponse } from "./node/follow-response.ts";
import { NodeReceivedRequest } from "./node/received-request.ts";
import type { NodeRequest, NodeResponse } from "./node/received-request.ts";

/** Options of {@link traceRequests}. */
export type NodeServerOptions = ServerOptions<IncomingMessage, ServerResponse>;

/**
 * Wraps a request listener of node:http, node:https or node:http2: each request continues its caller's trace in a SERVER span, which is
 * active in the listener, in all that it awaits, and in listeners on the request and the response.
 *
 * The span ends when the response is complete or its connection closes. A listener that is wrapped already is returned as it is, unless
 * there are options: then the policies of both wrappers apply to its requests.
 *
 * @throws TypeError for an invalid option, or if `listener` is not a function.
 *
 * @example
 * createServer(traceRequests((request, response) => response.end("hello"))).listen(8080);
 */
export function traceRequests<Request extends NodeRequest = IncomingMessage, Response extends NodeResponse = ServerResponse>(
  listener: (request: NoInfer<Request>, response: NoInfer<Response>) => void,
  options?: ServerOptions<NoInfer<Request>, NoInfer<Response>>,
): (request: Request, response: Response) => void;
// For a listener whose parameters have types.
export function traceRequests<Request extends NodeRequest, Response extends NodeResponse>(
  listener: (request: Request, response: Response) => void,
  options?: ServerOptions<Request, Response>,
): (request: Request, response: Response) => void;
export function traceRequests(
  listener: (request: never, response: never) => void,
  options: ServerOptions<never, never> = {},
): (request: never, response: never) => void {
  const config = serverConfig("traceRequests", options);
  if (typeof listener !== "function") throw new TypeError(`traceRequests: listener must be a function, not ${describe(listener)}`);
  if (sharedState.instrumented.has(listener) && !hasOptions(options)) return listener;

  function traced(this: unknown, request: NodeRequest, response: NodeResponse): void {
    // Node.js emits requests in the context in which the server was created, which is not the caller's.
    const received = new NodeReceivedRequest(request);
    const call = startServerCall(config, { received, request, active: context.active(), base: ROOT_CONTEXT });
    if (call === undefined) return Reflect.apply(listener, this, [request, response]);
    followResponse(call, request, response);
    try {
      // Given a `this`, `context.with` calls the listener's `bind`. On an express app that is the function which adds a route for BIND.
      return context.with(call.context, () => Reflect.apply(listener, this, [request, response]));
    } catch (error) {
      call.fail(error, { status: response.headersSent ? response.statusCode : undefined });
      throw error;
    }
  }

  sharedState.instrumented.add(traced);
  return traced;
}
