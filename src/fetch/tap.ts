import type { ClientCall } from "../core/client-call.ts";
import { guarded, reportFailure } from "../core/guard.ts";
import { now } from "../core/metrics.ts";
import { Consumption } from "./consumption.ts";
import { tapStream, tapWholeReads, wrap } from "./stream.ts";

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

function tapResponse(response: Response, body: ReadableStream, consumption: Consumption): void {
  tapStream(body, consumption);
  tapWholeReads(response, body, consumption);
  wrap(response, "clone", (clone: () => Response) => {
    const copy = clone();
    // Each of the two has a new body now.
    guarded("following a clone", () => {
      const bodies = [response.body, copy.body] as [ReadableStream, ReadableStream];
      const [one, other] = consumption.split(bodies);
      tapResponse(response, bodies[0], one);
      tapResponse(copy, bodies[1], other);
    });
    return copy;
  });
}
