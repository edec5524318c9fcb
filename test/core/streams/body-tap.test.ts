import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { tapResponse, wrap } from "../../../src/core/streams/body-tap.ts";
import { BodyTracker } from "../../../src/core/streams/body-tracker.ts";

/** The tapped body of a response with two chunks, and the reported outcomes. */
function tapped(): { body: ReadableStream<Uint8Array>; outcomes: string[] } {
  const outcomes: string[] = [];
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      controller.enqueue(new Uint8Array(1));
      if (++pulled === 2) controller.close();
    },
  });
  let pulled = 0;
  const response = new Response(stream);
  const body = response.body as ReadableStream<Uint8Array>;
  const outcome = {
    ended: () => void outcomes.push("ended"),
    failed: () => void outcomes.push("failed"),
    abandoned: () => void outcomes.push("abandoned"),
  };
  tapResponse(response, body, BodyTracker.track(body, outcome));
  return { body, outcomes };
}

describe("tapResponse()", () => {
  it("rejects invalid arguments of pipeThrough() and locked streams, as the platform does", () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    expect(() => tapped().body.pipeThrough(undefined as never)).toThrow(TypeError);
    expect(() => tapped().body.pipeThrough({ readable, writable: {} } as never)).toThrow(TypeError);
    expect(() => tapped().body.pipeThrough({ readable, writable }, { signal: {} as AbortSignal })).toThrow(TypeError);
    writable.getWriter();
    expect(() => tapped().body.pipeThrough({ readable, writable })).toThrow(TypeError);
    expect(() => tapped().body.pipeThrough({ readable: {}, writable } as never)).toThrow(TypeError);
    const { body } = tapped();
    body.getReader();
    expect(() => body.pipeThrough(new TransformStream<Uint8Array, Uint8Array>())).toThrow(TypeError);
  });

  it("reports the outcome once if an iterator is returned twice", async () => {
    const { body, outcomes } = tapped();
    const iterator = body.values();
    await iterator.next();
    await iterator.return?.();
    await iterator.return?.();
    await setImmediate();
    expect(outcomes).toEqual(["abandoned"]);
  });

  it("reports nothing if a released reader is released again or cancelled", async () => {
    const { body, outcomes } = tapped();
    const reader = body.getReader();
    reader.releaseLock();
    reader.releaseLock();
    await expect(reader.cancel()).rejects.toThrow(TypeError);
    expect(outcomes).toEqual([]);
  });
});

describe("wrap()", () => {
  it("wraps a method of the object itself but not of objects that inherit from it", () => {
    const target = { name: "own", say: (word: string): string => `${word}!` };
    wrap(target, "say", (say: () => string) => `wrapped ${say()}`);
    expect(target.say("hello")).toBe("wrapped hello!");
    expect((Object.create(target) as typeof target).say("hello")).toBe("hello!");
  });
});
