import type { Context } from "@opentelemetry/api";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ServerCall } from "../../core/calls/server-call.ts";
import { safeCall, warnOnce } from "../../core/telemetry/diagnostics.ts";
import { callOf } from "../node/follow-response.ts";

/** The request decorator of `@fastify/otel`. */
interface Decorated {
  readonly opentelemetry?: () => { readonly context?: Context | null } | undefined;
}

/**
 * The context in which `@fastify/otel` handles a request, with its SERVER span active; undefined if it does not trace the request. It runs
 * each hook in a span of the hook's own, so that the active context does not show the SERVER span.
 */
export function fastifyOtelContext(request: FastifyRequest): Context | undefined {
  const { opentelemetry } = request as Decorated;
  if (typeof opentelemetry !== "function") return undefined;
  return safeCall("the decorator of @fastify/otel", () => Reflect.apply(opentelemetry, request, [])?.context ?? undefined);
}

/**
 * Warns if the policy of a call restricts the context of `@fastify/otel`, which then has been registered first: it runs handlers in its own
 * context, where the policy does not apply.
 */
export function warnAboutPolicy(call: ServerCall, otelContext: Context): void {
  if (call.endsSpan || call.context === otelContext) return;
  warnOnce(
    "@fastify/otel is registered before traceRequests() and runs handlers in a context of its own, to which acceptBaggage and incoming do not " +
      "apply. Register traceRequests() first.",
  );
}

/**
 * Ends the calls that enrich spans of `@fastify/otel` in an `onSend` hook, because it ends its spans in `onSend` hooks of the routes, which
 * run after those of the instance. Does nothing if the application has not registered it.
 */
export function endWithFastifyOtel(app: FastifyInstance): void {
  if (!app.hasRequestDecorator("opentelemetry")) return;
  app.addHook("onSend", (request, reply, _payload, done) => {
    const call = callOf(request.raw);
    if (call !== undefined && fastifyOtelContext(request) !== undefined) safeCall("ending a call", endCall, call, reply);
    done();
  });
}

function endCall(call: ServerCall, reply: FastifyReply): void {
  if (!call.endsSpan) call.end({ status: reply.statusCode, headers: () => reply.getHeaders(), response: reply });
}
