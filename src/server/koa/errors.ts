import { context } from "@opentelemetry/api";
import type { ServerCall } from "../../core/calls/server-call.ts";
import { openServerSpan } from "../../core/context/open-server-span.ts";
import { recordException } from "../../core/http/errors.ts";
import { wrap } from "../../core/streams/body-tap.ts";
import { safeCall } from "../../core/telemetry/diagnostics.ts";
import { noteFailure } from "../node/follow-response.ts";
import type { KoaContext } from "./context.ts";

/** The requests whose errors are followed: the middleware may be added more than once. */
const followed = new WeakSet<KoaContext>();

/**
 * Follows the errors that Koa handles for a request: those that middleware has thrown, and those of a stream that is the body.
 *
 * @returns a function that records the error behind a response of 500 and above; call it before the span ends.
 */
export function followErrors(ctx: KoaContext, call: ServerCall, sensitive: RegExp | undefined): (() => void) | undefined {
  if (followed.has(ctx)) return undefined;
  followed.add(ctx);
  const { res } = ctx;
  let thrown: unknown;
  // A listener of the application's "error" event would replace Koa's own, which logs errors.
  wrap(ctx, "onerror", (proceed, error) => {
    // Koa 2 leaves a response open whose source has failed. A response that is destroyed is closed by its client, or has the error already.
    if (res.headersSent && !isDestroyed(res)) safeCall("following errors", noteFailure, res, error);
    thrown = error ?? thrown;
    // Koa calls it outside of all middleware.
    return call.owns(context.active()) ? proceed() : context.with(call.context, proceed);
  });
  return () => {
    const span = openServerSpan(call.context)?.span;
    if (thrown === undefined || res.statusCode < 500 || span?.isRecording() !== true) return;
    safeCall("recording an exception", recordException, span, thrown, sensitive);
  };
}

/** A response of node:http2 has a stream that is destroyed instead. */
function isDestroyed(response: object): boolean {
  const { stream = response } = response as { stream?: object };
  return (stream as { destroyed?: boolean }).destroyed === true;
}
