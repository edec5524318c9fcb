import { tapResponse } from "../../core/streams/body-tap.ts";
import type { ClientCall } from "../../core/calls/client-call.ts";
import { BodyTracker } from "../../core/streams/body-tracker.ts";
import { reportFailure } from "../../core/telemetry/diagnostics.ts";
import { now } from "../../core/telemetry/meter.ts";

/**
 * Ends a call with its event stream, on platforms that do not report a body's end: the methods by which an application consumes the stream are wrapped in
 * place. Nothing is read that the application does not read, and nothing is buffered.
 *
 * @returns false if the response is not an event stream or cannot be followed.
 */
export function followEventStream(call: ClientCall, response: Response, signal: AbortSignal | null | undefined): boolean {
  try {
    if (!/^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "")) return false;
    const { body } = response;
    if (body === null || body.locked) return false;
    const tracker = BodyTracker.track(body, {
      ended: () => call.end(),
      failed: (error) => call.fail(error, signal),
      abandoned: (time) => call.end(time),
    });
    tapResponse(response, body, tracker);
    dropped?.register(tracker, { call, arrived: now() });
    return true;
  } catch (error) {
    reportFailure("following an event stream", error);
    return false;
  }
}

/** Ends the calls whose stream was dropped before its end, at the time of their headers. */
const dropped =
  typeof FinalizationRegistry === "undefined"
    ? undefined
    : new FinalizationRegistry<{ call: ClientCall; arrived: number }>(({ call, arrived }) => call.end(arrived));
