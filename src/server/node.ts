import { ROOT_CONTEXT, context } from "@opentelemetry/api";
import type { IncomingMessage, ServerResponse } from "node:http";
import { describe } from "../core/telemetry/options.ts";
import type { ServerOptions } from "../core/telemetry/options.ts";
import { receiveCall } from "../core/calls/server-call.ts";
import { serverConfig } from "../core/calls/server-config.ts";
import { sharedState } from "../core/telemetry/shared-state.ts";
import { followResponse, NodeReceived } from "./exchange.ts";
import type { NodeRequest, NodeResponse } from "./exchange.ts";

/** Options of {@link traceRequests}. */
export type NodeServerOptions = ServerOptions<IncomingMessage, ServerResponse>;

/**
 * Wraps a request listener of node:http, node:https or node:http2: each request continues its caller's trace in a SERVER span, which is
 * active in the listener, in all that it awaits, and in listeners on the request and the response.
 *
 * The span ends with the response, or with its premature close. A listener that is wrapped already is returned as it is.
 *
 * @throws TypeError for a bad option, or where `listener` is no function.
 *
 * @example
 * createServer(traceRequests((request, response) => response.end("hello"))).listen(8080);
 */
export function traceRequests<Request extends NodeRequest = IncomingMessage, Response extends NodeResponse = ServerResponse>(
  listener: (request: NoInfer<Request>, response: NoInfer<Response>) => void,
  options?: ServerOptions<NoInfer<Request>, NoInfer<Response>>,
): (request: Request, response: Response) => void;
// A listener that says itself of which server it is.
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
  if (sharedState.instrumented.has(listener)) return listener;

  function traced(this: unknown, request: NodeRequest, response: NodeResponse): void {
    // The context that a server happens to have been made in is nobody's caller: only what came in counts.
    const call = receiveCall(config, new NodeReceived(request), request, context.active(), ROOT_CONTEXT);
    if (call === undefined) return Reflect.apply(listener, this, [request, response]);
    followResponse(call, request, response);
    try {
      // No `bind`, which `context.with` uses for a `this`: an express app is a listener whose `bind` makes a route for the method BIND.
      return context.with(call.context, () => Reflect.apply(listener, this, [request, response]));
    } catch (error) {
      call.fail(error, response.headersSent ? response.statusCode : undefined);
      throw error;
    }
  }

  sharedState.instrumented.add(traced);
  return traced;
}
