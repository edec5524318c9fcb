import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isCancellation, isError, recordException } from "../core/http/errors.ts";
import { safeCall } from "../core/telemetry/diagnostics.ts";
import { openServerSpan } from "../core/calls/server-call.ts";
import { callOf, failing } from "./exchange.ts";
import type { NodeResponse } from "./exchange.ts";

/**
 * Has the span told what fastify alone knows of a response that fails: the error that has become a 5xx, and that of a body which breaks off,
 * for fastify destroys such a response without a word.
 *
 * @param sensitive what is taken out of messages.
 */
export function tellFailures(app: FastifyInstance, sensitive: RegExp | undefined): void {
  app.addHook("onError", (request, reply, error, done) => {
    safeCall("following an error", noteError, request, reply, error, sensitive);
    done();
  });
  app.addHook("onSend", (request, reply, payload, done) => {
    if (typeof payload === "object" && payload !== null) safeCall("following a body", followBody, request, reply, payload);
    done();
  });
}

const noted = new WeakSet<FastifyReply>();

/** An error is recorded once the status is known: an error handler may make anything of it. */
function noteError(request: FastifyRequest, reply: FastifyReply, error: unknown, sensitive: RegExp | undefined): void {
  const call = callOf(request.raw);
  const span = call && openServerSpan(call.context)?.span;
  if (span?.isRecording() !== true || noted.has(reply)) return;
  noted.add(reply);
  const { raw } = reply;
  raw.once("finish", () => {
    if (raw.statusCode >= 500) safeCall("recording an exception", recordException, span, error, sensitive);
  });
}

/** A stream of node:stream, one of the web's, or what has one as its body, as `Response` does. */
interface Payload {
  readonly pipe?: unknown;
  readonly errored?: unknown;
  readonly body?: Payload | null;
  getReader?: (...args: unknown[]) => { readonly closed: Promise<unknown> };
}

function followBody(request: FastifyRequest, { raw }: FastifyReply, payload: Payload): void {
  if (callOf(request.raw) === undefined) return;
  const body = typeof payload.pipe === "function" ? payload : (payload.body ?? payload);
  if (typeof body.pipe === "function") {
    // Before all others, which may destroy the source because the client has left. node:http2 emits "finish" for what was cut, too.
    raw.prependOnceListener("finish", () => tell(raw, body.errored));
    raw.prependOnceListener("close", () => tell(raw, body.errored));
  } else if (typeof body.getReader === "function") {
    // Whoever holds the reader alone learns of the failure, and that is fastify.
    const { getReader } = body;
    body.getReader = (...args) => {
      const reader = Reflect.apply(getReader, body, args);
      safeCall("following a body", () => void reader.closed.catch((error: unknown) => tell(raw, error)));
      return reader;
    };
  }
}

function tell(response: NodeResponse, error: unknown): void {
  if (isError(error) && !isCancellation(error, undefined)) failing(response, error);
}
