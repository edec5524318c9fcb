import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
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

/** What weak references find no more. */
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
  // Whatever is still watched over is given up, so that each test begins with nothing.
  vi.advanceTimersByTime(10 * UNCONSUMED_BODY_TIMEOUT_MS);
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  collected.clear();
});

/** A call, and the times with which it was ended. */
function noted(): { call: ClientCall; ends: unknown[] } {
  const ends: unknown[] = [];
  return { call: { ended: false, end: (time?: number) => void ends.push(time) } as ClientCall, ends };
}

/** A consumption, and the times since which it was abandoned. */
function untaken(): { tracker: { isConsumed: boolean; abandoned: (time: number) => void }; abandoned: number[] } {
  const abandoned: number[] = [];
  return { tracker: { isConsumed: false, abandoned: (time) => void abandoned.push(time) }, abandoned };
}

const microtasks = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await Promise.resolve();
};

const WAYS: [string, (call: ClientCall) => UnconsumedBody][] = [
  ["a response", (call) => watchUnconsumedResponse(call, new Response("x"), new ReadableStream())],
  ["a web stream", (call) => watchUnconsumedStream(call, new ReadableStream())],
  ["a stream of Node's", (call) => watchUnconsumedStream(call, new Readable({ read: () => {} }))],
];

describe.each(WAYS)("%s", (_, watch) => {
  test("that nobody reads ends its call once, when patience is over, with the time at which it came", () => {
    const { call, ends } = noted();
    watch(call);
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1);
    expect(ends).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(ends).toEqual([START]);
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS);
    expect([ends, vi.getTimerCount()]).toEqual([[START], 0]);
  });

  test("whose call has ended by itself is soon forgotten", () => {
    const { call, ends } = noted();
    watch(call);
    expect(vi.getTimerCount()).toBe(1);
    call.ended = true;
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1);
    expect([ends, vi.getTimerCount()]).toEqual([[], 0]);
  });
});

test("each waits for itself, and all by one timer, as long as there is any", () => {
  const [first, second, third] = [noted(), noted(), noted()];
  watchUnconsumedStream(first.call, new ReadableStream());
  vi.advanceTimersByTime(1750);
  watchUnconsumedStream(second.call, new ReadableStream());
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1750);
  expect([first.ends, second.ends, vi.getTimerCount()]).toEqual([[START], [], 1]);
  vi.advanceTimersByTime(2000);
  expect([first.ends, second.ends, vi.getTimerCount()]).toEqual([[START], [START + 1750], 0]);
  watchUnconsumedStream(third.call, new ReadableStream());
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS);
  expect([third.ends, vi.getTimerCount()]).toEqual([[START + UNCONSUMED_BODY_TIMEOUT_MS + 2000], 0]);
});

/** A stream that somebody reads. */
function locked(): ReadableStream {
  const stream = new ReadableStream();
  stream.getReader();
  return stream;
}
/** A stream of Node's that somebody reads, or has read a part of. */
const flowing = (stream: Readable, paused: boolean): Readable => (paused ? stream.resume().pause() : stream.resume());
const GONE = { bodyUsed: false } as Response;

test.each<[string, (call: ClientCall) => UnconsumedBody]>([
  ["response's body is used", (call) => watchUnconsumedResponse(call, { bodyUsed: true } as Response, new ReadableStream())],
  ["response's stream has a reader", (call) => watchUnconsumedResponse(call, { bodyUsed: false } as Response, locked())],
  ["stream has a reader, and whose response is collected", (call) => watchUnconsumedResponse(call, GONE, locked())],
  ["stream has a reader", (call) => watchUnconsumedStream(call, locked())],
  ["stream of Node's flows", (call) => watchUnconsumedStream(call, flowing(new Readable({ read: () => {} }), false))],
  ["stream of Node's is paused", (call) => watchUnconsumedStream(call, flowing(new Readable({ read: () => {} }), true))],
])("a call whose %s is let go of: its end will be told", (_, watch) => {
  collected.add(GONE);
  const { call, ends } = noted();
  const unread = watch(call);
  expect(isAbandoned(unread)).toBe(false);
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1);
  expect([ends, vi.getTimerCount()]).toEqual([[], 0]);
});

test("a response that was collected unread is abandoned, and ends its call without patience", () => {
  const response = new Response("x");
  const body = new ReadableStream();
  const { call, ends } = noted();
  const unread = watchUnconsumedResponse(call, response, body);
  expect(isAbandoned(unread)).toBe(false);
  collected.add(body);
  expect(isAbandoned(unread)).toBe(false);
  collected.add(response);
  expect(isAbandoned(unread)).toBe(true);
  vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1);
  expect([ends, isAbandoned(unread)]).toEqual([[START], false]);
});

test.skipIf(globalThis.gc === undefined)("a stream that is watched over can be collected", async () => {
  vi.unstubAllGlobals();
  const unread = (() => watchUnconsumedStream(noted().call, new ReadableStream()))();
  for (let i = 0; i < 20 && !isAbandoned(unread); i++) {
    await setImmediate();
    globalThis.gc?.();
  }
  expect(isAbandoned(unread)).toBe(true);
});

describe("a stream that nobody in sight takes", () => {
  test.each<[string, ReadableStream, boolean]>([
    ["is abandoned when patience is over", new ReadableStream(), false],
    ["and that is read is abandoned soon: no more will be known of it", locked(), true],
    ["and that was collected is abandoned soon", GONE as object as ReadableStream, true],
  ])("%s, since the time at which it came", (_, body, soon) => {
    collected.add(GONE);
    const { tracker, abandoned } = untaken();
    watchUnconsumed(tracker, body);
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS - 1);
    expect(abandoned).toEqual(soon ? [START] : []);
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS);
    expect([abandoned, vi.getTimerCount()]).toEqual([[START], 0]);
  });

  test("is watched over no longer than until somebody does", () => {
    const { tracker, abandoned } = untaken();
    watchUnconsumed(tracker, new ReadableStream());
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS / 2);
    tracker.isConsumed = true;
    vi.advanceTimersByTime(UNCONSUMED_BODY_TIMEOUT_MS / 2 - 1);
    expect([abandoned, vi.getTimerCount()]).toEqual([[], 0]);
  });

  test("is not abandoned for microtasks where there are timers", async () => {
    vi.stubGlobal("navigator", undefined);
    const { tracker, abandoned } = untaken();
    watchUnconsumed(tracker, new ReadableStream());
    await microtasks(1000);
    expect([abandoned, vi.getTimerCount()]).toEqual([[], 1]);
  });

  test.each<[string, Record<string, unknown>]>([
    ["on Cloudflare", { navigator: { userAgent: "Cloudflare-Workers" } }],
    ["where there are no weak references", { WeakRef: undefined, navigator: { userAgent: "other" } }],
    ["where there is no navigator either", { WeakRef: undefined, navigator: undefined }],
  ])("%s is abandoned after some microtasks, without a timer, unless it is taken", async (_, globals) => {
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
    const [never, taken, before] = [untaken(), untaken(), untaken()];
    before.tracker.isConsumed = true;
    for (const { tracker } of [never, taken, before]) watchUnconsumed(tracker, new ReadableStream());
    await microtasks(20);
    expect([never.abandoned, vi.getTimerCount()]).toEqual([[], 0]);
    taken.tracker.isConsumed = true;
    await microtasks(1000);
    expect([never.abandoned, taken.abandoned, before.abandoned, vi.getTimerCount()]).toEqual([[START], [], [], 0]);
  });
});

describe("the timer keeps no process alive", () => {
  const unreferenced: unknown[] = [];

  test("where it is an object", () => {
    const begun = vi.spyOn(globalThis, "setInterval");
    watchUnconsumedStream(noted().call, new ReadableStream());
    expect(begun.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false]);
  });

  test.each<[string, boolean, unknown]>([
    ["browser", false, undefined],
    ["Deno without unrefTimer()", false, {}],
    ["older Deno", true, { unrefTimer: (id: unknown) => void unreferenced.push(id) }],
  ])("where it is a number: %s (told of it: %s)", (_, isTold, Deno) => {
    unreferenced.length = 0;
    let sweep: () => void = () => {};
    const cleared: unknown[] = [];
    vi.stubGlobal("Deno", Deno);
    vi.stubGlobal("setInterval", (callback: () => void) => {
      sweep = callback;
      return 7;
    });
    vi.stubGlobal("clearInterval", (id: unknown) => void cleared.push(id));
    const { call } = noted();
    watchUnconsumedStream(call, new ReadableStream());
    call.ended = true;
    sweep();
    expect([unreferenced, cleared]).toEqual([isTold ? [7] : [], [7]]);
  });
});
