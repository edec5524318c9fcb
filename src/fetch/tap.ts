import { tapResponse } from "../core/body-tap.ts";
import type { ClientCall } from "../core/client-call.ts";
import { Consumption } from "../core/consumption.ts";
import { reportFailure } from "../core/guard.ts";
import { now } from "../core/metrics.ts";

/**
 * Ends a call with its event stream, on platforms that do not tell of a body's end: the methods by which an application consumes the
 * stream are wrapped in place, and tell. Nothing is read that the application does not read, and nothing is kept.
 *
 * @returns false for what is no event stream, or cannot be followed.
 */
export function tapEventStream(call: ClientCall, response: Response, signal: AbortSignal | null | undefined): boolean {
  try {
    if (!/^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "")) return false;
    const { body } = response;
    if (body === null || body.locked) return false;
    const consumption = new Consumption(body, {
      ended: () => call.end(),
      failed: (error) => call.fail(error, signal),
      left: (time) => call.end(time),
    });
    tapResponse(response, body, consumption);
    dropped?.register(consumption, { call, arrived: now() });
    return true;
  } catch (error) {
    reportFailure("following an event stream", error);
    return false;
  }
}

/** Ends the calls whose stream was dropped in the middle, with the time of their headers. */
const dropped =
  typeof FinalizationRegistry === "undefined"
    ? undefined
    : new FinalizationRegistry<{ call: ClientCall; arrived: number }>(({ call, arrived }) => call.end(arrived));
