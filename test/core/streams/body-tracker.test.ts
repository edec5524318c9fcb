import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
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

/** A consumption of a stream, and what it has told. */
function consumed(): { tracker: BodyTracker; body: ReadableStream; told: unknown[][] } {
  const told: unknown[][] = [];
  const outcome: BodyOutcome = {
    ended: () => void told.push(["ended"]),
    failed: (error) => void told.push(["failed", error]),
    abandoned: (time) => void told.push(["left", time]),
  };
  const body = new ReadableStream();
  return { tracker: BodyTracker.track(body, outcome), body, told };
}

const WAYS: [string, (outcome: BodyOutcome) => void, unknown[]][] = [
  ["ended", (outcome) => outcome.ended(), ["ended"]],
  ["failed", (outcome) => outcome.failed("broken"), ["failed", "broken"]],
  ["left", (outcome) => outcome.abandoned(), ["left", undefined]],
  ["left since a time", (outcome) => outcome.abandoned(7), ["left", 7]],
];

describe.each(WAYS)("a stream that has %s", (_, happen, expected) => {
  test("is told of once, and nothing that happens afterwards", () => {
    const { tracker, body, told } = consumed();
    happen(tracker);
    for (const [, another] of WAYS) another(tracker);
    tracker.release(body);
    vi.advanceTimersByTime(2 * UNCONSUMED_BODY_TIMEOUT_MS);
    expect(told).toEqual([expected]);
  });

  test("is nobody's to take, and is not watched over when it is let go of", () => {
    const { tracker, body } = consumed();
    tracker.take(tracker);
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS);
    expect(vi.getTimerCount()).toBe(0);
    happen(tracker);
    tracker.release(body);
    expect([tracker.isConsumed, vi.getTimerCount()]).toEqual([true, 0]);
  });
});

describe("a holder", () => {
  test("has the stream from when it takes it until it lets go of it", () => {
    const { tracker, body } = consumed();
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

  test("may take its time", () => {
    const { tracker, told } = consumed();
    tracker.take({});
    vi.advanceTimersByTime(5 * UNCONSUMED_BODY_TIMEOUT_MS);
    expect(told).toEqual([]);
  });
});

test("a stream that nobody takes is left, since it came", () => {
  const { told } = consumed();
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS);
  expect(told).toEqual([["left", START]]);
});

test("a stream that its holder lets go of, and that nobody takes again, is left since then", () => {
  const { tracker, body, told } = consumed();
  tracker.take({});
  vi.advanceTimersByTime(2 * UNCONSUMED_BODY_TIMEOUT_MS);
  tracker.release(body);
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS);
  expect(told).toEqual([["left", START + 2 * UNCONSUMED_BODY_TIMEOUT_MS]]);
});

describe("of two copies", () => {
  /** Two copies of a stream, each of which somebody has. */
  function copied(): { whole: BodyTracker; copies: [BodyTracker, BodyTracker]; told: unknown[][] } {
    const { tracker, body, told } = consumed();
    const copies = tracker.split(body.tee());
    for (const copy of copies) copy.take({});
    return { whole: tracker, copies, told };
  }

  test.each<[string, number, (outcome: BodyOutcome) => void, unknown[]]>(
    WAYS.slice(0, 2).flatMap(([what, happen, expected]) => [0, 1].map((at) => [what, at, happen, expected] as const)),
  )("one that has %s tells it of the stream (copy %i), whatever becomes of the other", (_, at, happen, expected) => {
    const { whole, copies, told } = copied();
    happen(copies[at]!);
    expect([told, whole.isConsumed]).toEqual([[expected], true]);
    for (const [, another] of WAYS) another(copies[1 - at]!);
    expect(told).toEqual([expected]);
  });

  test.each([0, 1])("one that is left leaves the other (left first: copy %i)", (at) => {
    const { copies, told } = copied();
    const [first, second] = [copies[at]!, copies[1 - at]!];
    first.abandoned(1);
    expect(told).toEqual([]);
    second.abandoned(2);
    expect(told).toEqual([["left", 2]]);
  });

  test("one may be read to its end when the other was left", () => {
    const { copies, told } = copied();
    copies[0].abandoned(1);
    copies[1].ended();
    expect(told).toEqual([["ended"]]);
  });

  test("none is left while they are had; both are, where nobody takes them", () => {
    const had = copied();
    const { tracker, body, told } = consumed();
    vi.advanceTimersByTime(1000);
    tracker.split(body.tee());
    expect(tracker.isConsumed).toBe(true);
    vi.advanceTimersByTime(5 * UNCONSUMED_BODY_TIMEOUT_MS);
    expect([had.told, told]).toEqual([[], [["left", START + 1000]]]);
  });
});
