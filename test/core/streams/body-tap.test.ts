import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { tapResponse, wrap } from "../../../src/core/streams/body-tap.ts";
import { BodyTracker } from "../../../src/core/streams/body-tracker.ts";

/** A response of two chunks, and what its consumption has told. */
function tapped(): { body: ReadableStream<Uint8Array>; told: string[] } {
  const told: string[] = [];
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
    ended: () => void told.push("ended"),
    failed: () => void told.push("failed"),
    abandoned: () => void told.push("left"),
  };
  tapResponse(response, body, BodyTracker.track(body, outcome));
  return { body, told };
}

it("pipeThrough refuses what is no pair, no signal, or a stream that somebody has, as the platform does", () => {
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

it("a loop that is left twice tells once what became of the stream", async () => {
  const { body, told } = tapped();
  const iterator = body.values();
  await iterator.next();
  await iterator.return?.();
  await iterator.return?.();
  await sleep(1);
  expect(told).toEqual(["left"]);
});

it("a wrapped method is that of its own object alone: what inherits it has what was there", () => {
  const target = { name: "own", say: (word: string): string => `${word}!` };
  wrap(target, "say", (say: () => string) => `wrapped ${say()}`);
  expect(target.say("hello")).toBe("wrapped hello!");
  expect((Object.create(target) as typeof target).say("hello")).toBe("hello!");
});

it("a reader that was released has nothing to tell, if it is released again or cancelled", async () => {
  const { body, told } = tapped();
  const reader = body.getReader();
  reader.releaseLock();
  reader.releaseLock();
  await expect(reader.cancel()).rejects.toThrow(TypeError);
  expect(told).toEqual([]);
});
