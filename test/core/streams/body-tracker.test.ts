import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BodyTracker } from "../../../src/core/streams/body-tracker.ts";
import type { BodyOutcome } from "../../../src/core/streams/body-tracker.ts";
import { UNCONSUMED_BODY_TIMEOUT_MS } from "../../../src/core/streams/unconsumed-body.ts";

const START = 50_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"], now: START });
  vi.spyOn(performance, "now").mockImplementation(() => Date.now());
});
afterEach(() => {
  vi.advanceTimersByTime(10 * UNCONSUMED_BODY_TIMEOUT_MS);
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A tracked stream and the outcomes that the tracker reports. */
function track(): { tracker: BodyTracker; body: ReadableStream; outcomes: unknown[][] } {
  const outcomes: unknown[][] = [];
  const outcome: BodyOutcome = {
    ended: () => void outcomes.push(["ended"]),
    failed: (error) => void outcomes.push(["failed", error]),
    abandoned: (time) => void outcomes.push(["abandoned", time]),
  };
  const body = new ReadableStream();
  return { tracker: BodyTracker.track(body, outcome), body, outcomes };
}

const OUTCOMES: [string, (outcome: BodyOutcome) => void, unknown[]][] = [
  ["ended", (outcome) => outcome.ended(), ["ended"]],
  ["failed", (outcome) => outcome.failed("broken"), ["failed", "broken"]],
  ["been abandoned", (outcome) => outcome.abandoned(), ["abandoned", undefined]],
  ["been abandoned since a time", (outcome) => outcome.abandoned(7), ["abandoned", 7]],
];

describe.each(OUTCOMES)("a stream that has %s", (_, happen, expected) => {
  it("reports its outcome once and nothing afterwards", () => {
    const { tracker, body, outcomes } = track();
    happen(tracker);
    for (const [, another] of OUTCOMES) another(tracker);
    tracker.release(body);
    vi.advanceTimersByTime(2 * UNCONSUMED_BODY_TIMEOUT_MS);
    expect(outcomes).toEqual([expected]);
  });

  it("stays consumed and is not watched when it is released", () => {
    const { tracker, body } = track();
    tracker.take(tracker);
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS);
    expect(vi.getTimerCount()).toBe(0);
    happen(tracker);
    tracker.release(body);
    expect(tracker.isConsumed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a holder of a stream", () => {
  it("holds the stream from take() to release()", () => {
    const { tracker, body } = track();
    const [holder, other] = [{}, {}];
    const state = (): boolean[] => [tracker.isConsumed, tracker.isHeldBy(holder), tracker.isHeldBy(other)];
    expect(state()).toEqual([false, false, false]);
    tracker.take(holder);
    expect(state()).toEqual([true, true, false]);
    tracker.take(other);
    expect(state()).toEqual([true, false, true]);
    tracker.release(body);
    expect(state()).toEqual([false, false, false]);
  });

  it("may hold the stream without a time limit", () => {
    const { tracker, outcomes } = track();
    tracker.take({});
    vi.advanceTimersByTime(5 * UNCONSUMED_BODY_TIMEOUT_MS);
    expect(outcomes).toEqual([]);
  });
});

it("abandons a stream that is not taken, as of its arrival", () => {
  const { outcomes } = track();
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1);
  expect(outcomes).toEqual([]);
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS);
  expect(outcomes).toEqual([["abandoned", START]]);
});

it("abandons a stream that is released and not taken again, as of its release", () => {
  const { tracker, body, outcomes } = track();
  tracker.take({});
  vi.advanceTimersByTime(2 * UNCONSUMED_BODY_TIMEOUT_MS);
  tracker.release(body);
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1);
  expect(outcomes).toEqual([]);
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS);
  expect(outcomes).toEqual([["abandoned", START + 2 * UNCONSUMED_BODY_TIMEOUT_MS]]);
});

describe("two copies of a stream", () => {
  /** A tracked stream that was split into two copies, both of which have a holder. */
  function copied(): { whole: BodyTracker; copies: [BodyTracker, BodyTracker]; outcomes: unknown[][] } {
    const { tracker, body, outcomes } = track();
    const copies = tracker.split(body.tee());
    for (const copy of copies) copy.take({});
    return { whole: tracker, copies, outcomes };
  }

  it.each<[string, number, (outcome: BodyOutcome) => void, unknown[]]>(
    OUTCOMES.slice(0, 2).flatMap(([what, happen, expected]) => [0, 1].map((at) => [what, at, happen, expected] as const)),
  )("reports the outcome of the copy that has %s (copy %i), whatever becomes of the other", (_, at, happen, expected) => {
    const { whole, copies, outcomes } = copied();
    happen(copies[at]!);
    expect(outcomes).toEqual([expected]);
    expect(whole.isConsumed).toBe(true);
    for (const [, another] of OUTCOMES) another(copies[1 - at]!);
    expect(outcomes).toEqual([expected]);
  });

  it.each([0, 1])("are abandoned when both are (abandoned first: copy %i)", (at) => {
    const { copies, outcomes } = copied();
    const [first, second] = [copies[at]!, copies[1 - at]!];
    first.abandoned(1);
    expect(outcomes).toEqual([]);
    second.abandoned(2);
    expect(outcomes).toEqual([["abandoned", 2]]);
  });

  it("report the end of one after the other was abandoned", () => {
    const { copies, outcomes } = copied();
    copies[0].abandoned(1);
    copies[1].ended();
    expect(outcomes).toEqual([["ended"]]);
  });

  it("are abandoned only if they have no holder", () => {
    const had = copied();
    const { tracker, body, outcomes } = track();
    vi.advanceTimersByTime(1000);
    tracker.split(body.tee());
    expect(tracker.isConsumed).toBe(true);
    vi.advanceTimersByTime(5 * UNCONSUMED_BODY_TIMEOUT_MS);
    expect(had.outcomes).toEqual([]);
    expect(outcomes).toEqual([["abandoned", START + 1000]]);
  });
});
