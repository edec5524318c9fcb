import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { openServerSpan } from "../../core/context/open-server-span.ts";
import { isCancellation, isError, recordException } from "../../core/http/errors.ts";
import { safeCall } from "../../core/telemetry/diagnostics.ts";
import { callOf, noteFailure } from "../node/follow-response.ts";
import type { NodeResponse } from "../node/received-request.ts";

/** The replies whose error is recorded: the plugin may be registered more than once. */
const recorded = new WeakSet<FastifyReply>();

/** Records the error that an `onError` hook receives, if the response has a status of 500 and above. */
export function recordErrors(app: FastifyInstance, sensitive: RegExp | undefined): void {
  app.addHook("onError", (request, reply, error, done) => {
    if (!recorded.has(reply)) safeCall("following an error", recordWhenSent, request, reply, error, sensitive);
    recorded.add(reply);
    done();
  });
}

/** Records an error once the status has been sent, because the application's error handler chooses the status. */
function recordWhenSent(request: FastifyRequest, { raw }: FastifyReply, error: unknown, sensitive: RegExp | undefined): void {
  const call = callOf(request.raw);
  const span = call && openServerSpan(call.context)?.span;
  if (span?.isRecording() !== true) return;
  raw.once("finish", () => {
    if (raw.statusCode >= 500 && span.isRecording()) safeCall("recording an exception", recordException, span, error, sensitive);
  });
}

/** A web stream, or an object such as `Response` that has one as its body. */
interface WebPayload {
  readonly pipe?: unknown;
  readonly body?: WebPayload | null;
  getReader?: (...args: unknown[]) => { readonly closed: Promise<unknown> };
}

/**
 * Notes the error of a stream that is sent as the body of a reply and fails; fastify then destroys the response without an error.
 *
 * An `onSend` hook would see the streams too, but with any such hook fastify passes errors of `reply.send()` to the error handler that are
 * otherwise thrown into the route's handler (`FST_ERR_REP_INVALID_PAYLOAD_TYPE`).
 */
export function followBody(reply: FastifyReply): void {
  const { raw } = reply;
  raw.once("pipe", (source: { readonly errored?: unknown }) => {
    const noteError = (): void => noteStreamFailure(raw, source.errored);
    // Before other listeners, which may destroy the source because the client has left. node:http2 emits "finish" for aborted responses too.
    raw.prependOnceListener("finish", noteError);
    raw.prependOnceListener("close", noteError);
  });
  const send = reply.send.bind(reply);
  reply.send = (payload?: unknown) => {
    safeCall("following a body", followWebStream, raw, payload);
    return send(payload);
  };
}

/** The failure of a web stream is only visible to the holder of its reader, which is fastify. */
function followWebStream(response: NodeResponse, payload: unknown): void {
  if (typeof payload !== "object" || payload === null) return;
  const { pipe, body = payload }: WebPayload = payload;
  if (typeof pipe === "function" || body === null) return;
  const { getReader } = body;
  if (typeof getReader !== "function") return;
  body.getReader = (...args) => {
    const reader = Reflect.apply(getReader, body, args);
    safeCall("following a body", () => void reader.closed.catch((error: unknown) => noteStreamFailure(response, error)));
    return reader;
  };
}

function noteStreamFailure(response: NodeResponse, error: unknown): void {
  if (isError(error) && !isCancellation(error, undefined)) noteFailure(response, error);
}
