import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ClientCall } from "../../../src/core/calls/client-call.ts";
import {
  UNCONSUMED_BODY_TIMEOUT_MS,
  isAbandoned,
  watchUnconsumedResponse,
  watchUnconsumedStream,
  watchUnconsumed,
} from "../../../src/core/streams/unconsumed-body.ts";
import type { UnconsumedBody } from "../../../src/core/streams/unconsumed-body.ts";

const START = 50_000;

/** Objects that `TestRef` treats as garbage-collected. */
const collected = new Set<object>();
class TestRef<Target extends object> {
  readonly #target: Target;

  constructor(target: Target) {
    this.#target = target;
  }

  deref(): Target | undefined {
    return collected.has(this.#target) ? undefined : this.#target;
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"], now: START });
  vi.spyOn(performance, "now").mockImplementation(() => Date.now());
  vi.stubGlobal("WeakRef", TestRef);
});
afterEach(() => {
  // Runs out the timeout of everything that is still watched, so that each test starts without timers.
  vi.advanceTimersByTime(10 * UNCONSUMED_BODY_TIMEOUT_MS);
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  collected.clear();
});

/** A call that records the times with which it is ended. */
function recordedCall(): { call: ClientCall; ends: unknown[] } {
  const ends: unknown[] = [];
  return { call: { ended: false, end: (time?: number) => void ends.push(time) } as ClientCall, ends };
}

/** A tracker that records the times as of which it is abandoned. */
function recordedTracker(): { tracker: { isConsumed: boolean; abandoned: (time: number) => void }; abandoned: number[] } {
  const abandoned: number[] = [];
  return { tracker: { isConsumed: false, abandoned: (time) => void abandoned.push(time) }, abandoned };
}

const microtasks = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await Promise.resolve();
};

const WATCHED: [string, (call: ClientCall) => UnconsumedBody][] = [
  ["a response", (call) => watchUnconsumedResponse(call, new Response("x"), new ReadableStream())],
  ["a web stream", (call) => watchUnconsumedStream(call, new ReadableStream())],
  ["a Node stream", (call) => watchUnconsumedStream(call, new Readable({ read: () => {} }))],
];

describe.each(WATCHED)("the watch over %s", (_, watch) => {
  it("ends the call once after the timeout, as of the arrival, if nothing reads it", () => {
    const { call, ends } = recordedCall();
    watch(call);
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1);
    expect(ends).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(ends).toEqual([START]);
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS);
    expect(ends).toEqual([START]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("stops soon after the call has ended by itself", () => {
    const { call, ends } = recordedCall();
    watch(call);
    expect(vi.getTimerCount()).toBe(1);
    call.ended = true;
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1);
    expect(ends).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

it("uses one timer for all watched bodies, each with its own timeout", () => {
  const [first, second, third] = [recordedCall(), recordedCall(), recordedCall()];
  watchUnconsumedStream(first.call, new ReadableStream());
  vi.advanceTimersByTime(1750);
  watchUnconsumedStream(second.call, new ReadableStream());
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1750);
  expect(first.ends).toEqual([START]);
  expect(second.ends).toEqual([]);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(2000);
  expect(first.ends).toEqual([START]);
  expect(second.ends).toEqual([START + 1750]);
  expect(vi.getTimerCount()).toBe(0);
  watchUnconsumedStream(third.call, new ReadableStream());
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS);
  expect(third.ends).toEqual([START + UNCONSUMED_BODY_TIMEOUT_MS + 2000]);
  expect(vi.getTimerCount()).toBe(0);
});

/** A stream with a reader. */
function locked(): ReadableStream {
  const stream = new ReadableStream();
  stream.getReader();
  return stream;
}
/** A Node stream that is being read, or was read in part. */
const flowing = (stream: Readable, paused: boolean): Readable => (paused ? stream.resume().pause() : stream.resume());
const GONE = { bodyUsed: false } as Response;

it.each<[string, (call: ClientCall) => UnconsumedBody]>([
  ["response's body is used", (call) => watchUnconsumedResponse(call, { bodyUsed: true } as Response, new ReadableStream())],
  ["response's stream has a reader", (call) => watchUnconsumedResponse(call, { bodyUsed: false } as Response, locked())],
  ["stream has a reader, and whose response is collected", (call) => watchUnconsumedResponse(call, GONE, locked())],
  ["stream has a reader", (call) => watchUnconsumedStream(call, locked())],
  ["Node stream flows", (call) => watchUnconsumedStream(call, flowing(new Readable({ read: () => {} }), false))],
  ["Node stream is paused", (call) => watchUnconsumedStream(call, flowing(new Readable({ read: () => {} }), true))],
])("stops watching a call whose %s", (_, watch) => {
  collected.add(GONE);
  const { call, ends } = recordedCall();
  const unread = watch(call);
  expect(isAbandoned(unread)).toBe(false);
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1);
  expect(ends).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

it("ends the call of a garbage-collected response before the timeout", () => {
  const response = new Response("x");
  const body = new ReadableStream();
  const { call, ends } = recordedCall();
  const unread = watchUnconsumedResponse(call, response, body);
  expect(isAbandoned(unread)).toBe(false);
  collected.add(body);
  expect(isAbandoned(unread)).toBe(false);
  collected.add(response);
  expect(isAbandoned(unread)).toBe(true);
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1);
  expect(ends).toEqual([START]);
  expect(isAbandoned(unread)).toBe(false);
});

it.skipIf(globalThis.gc === undefined)("does not keep a watched stream from being garbage-collected", async () => {
  vi.unstubAllGlobals();
  const unread = (() => watchUnconsumedStream(recordedCall().call, new ReadableStream()))();
  for (let i = 0; i < 20 && !isAbandoned(unread); i++) {
    await setImmediate();
    globalThis.gc?.();
  }
  expect(isAbandoned(unread)).toBe(true);
});

describe("watchUnconsumed()", () => {
  it.each<[string, ReadableStream, boolean]>([
    ["a stream without a reader after the timeout", new ReadableStream(), false],
    ["a stream with a reader soon, since its end cannot be observed", locked(), true],
    ["a garbage-collected stream soon", GONE as object as ReadableStream, true],
  ])("abandons %s, as of its arrival", (_, body, soon) => {
    collected.add(GONE);
    const { tracker, abandoned } = recordedTracker();
    watchUnconsumed(tracker, body);
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1);
    expect(abandoned).toEqual(soon ? [START] : []);
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS);
    expect(abandoned).toEqual([START]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("stops when the stream is consumed", () => {
    const { tracker, abandoned } = recordedTracker();
    watchUnconsumed(tracker, new ReadableStream());
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS / 2);
    tracker.isConsumed = true;
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS / 2 - 1);
    expect(abandoned).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not abandon a stream after microtasks on platforms with timers", async () => {
    vi.stubGlobal("navigator", undefined);
    const { tracker, abandoned } = recordedTracker();
    watchUnconsumed(tracker, new ReadableStream());
    await microtasks(1000);
    expect(abandoned).toEqual([]);
    expect(vi.getTimerCount()).toBe(1);
  });

  it.each<[string, Record<string, unknown>]>([
    ["on Cloudflare", { navigator: { userAgent: "Cloudflare-Workers" } }],
    ["without weak references", { WeakRef: undefined, navigator: { userAgent: "other" } }],
    ["without weak references and navigator", { WeakRef: undefined, navigator: undefined }],
  ])("abandons a stream that is not consumed after some microtasks, without a timer: %s", async (_, globals) => {
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
    const [never, taken, before] = [recordedTracker(), recordedTracker(), recordedTracker()];
    before.tracker.isConsumed = true;
    for (const { tracker } of [never, taken, before]) watchUnconsumed(tracker, new ReadableStream());
    await microtasks(20);
    expect(never.abandoned).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
    taken.tracker.isConsumed = true;
    await microtasks(1000);
    expect(never.abandoned).toEqual([START]);
    expect(taken.abandoned).toEqual([]);
    expect(before.abandoned).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("the timer", () => {
  const unreferenced: unknown[] = [];

  it("does not keep the process alive if it is an object", () => {
    const setInterval = vi.spyOn(globalThis, "setInterval");
    watchUnconsumedStream(recordedCall().call, new ReadableStream());
    expect(setInterval.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false]);
  });

  it.each<[string, boolean, unknown]>([
    ["browser", false, undefined],
    ["Deno without unrefTimer()", false, {}],
    ["older Deno", true, { unrefTimer: (id: unknown) => void unreferenced.push(id) }],
  ])("does not keep the process alive if it is a number: %s (unreferenced by Deno: %s)", (_, isUnreferenced, Deno) => {
    unreferenced.length = 0;
    let sweep: () => void = () => {};
    const cleared: unknown[] = [];
    vi.stubGlobal("Deno", Deno);
    vi.stubGlobal("setInterval", (callback: () => void) => {
      sweep = callback;
      return 7;
    });
    vi.stubGlobal("clearInterval", (id: unknown) => void cleared.push(id));
    const { call } = recordedCall();
    watchUnconsumedStream(call, new ReadableStream());
    call.ended = true;
    sweep();
    expect(unreferenced).toEqual(isUnreferenced ? [7] : []);
    expect(cleared).toEqual([7]);
  });
});

describe("fake timers that a test installs or removes while a response is unread", () => {
  it("do not stop the watch: the next unread response starts it again", () => {
    const before = recordedCall();
    const after = recordedCall();
    watchUnconsumedStream(before.call, new ReadableStream());
    // The interval of the watch belongs to timers that never advance again.
    vi.useRealTimers();
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"], now: START + 1000 });
    watchUnconsumedStream(after.call, new ReadableStream());
    vi.advanceTimersByTime(2 * UNCONSUMED_BODY_TIMEOUT_MS);
    expect(before.ends).toEqual([START]);
    expect(after.ends).toEqual([START + 1000]);
  });
});
