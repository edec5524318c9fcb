import { EventEmitter } from "node:events";
import { ROOT_CONTEXT, context, trace } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterAll, beforeEach, expect, test } from "vitest";
import { inSpan, startTelemetry } from "./support/telemetry.ts";

const telemetry = startTelemetry();
afterAll(() => telemetry.stop());
beforeEach(() => telemetry.reset());

/** The name of the span that code finds itself in. */
const found = (): string => (trace.getActiveSpan() as unknown as ReadableSpan | undefined)?.name ?? "none";

const later = (milliseconds = 2): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

// The rows of the table in docs/context.md.

test("what is awaited, timed, or awaited by nobody keeps the context, also when the span has ended", async () => {
  const seen: Promise<string>[] = [];
  await inSpan("request", async () => {
    await later();
    seen.push(Promise.resolve(found()));
    seen.push(new Promise((resolve) => process.nextTick(() => resolve(found()))));
    seen.push(later(10).then(found));
  });
  expect(await Promise.all(seen)).toEqual(["request", "request", "request"]);
});

test("a listener runs in the context of whoever emits, a bound one where it was added", async () => {
  const emitter = new EventEmitter();
  const seen: string[] = [];
  await inSpan("adds", () => {
    emitter.on("done", () => seen.push(found()));
    emitter.on(
      "done",
      context.bind(context.active(), () => void seen.push(found())),
    );
  });
  await inSpan("emits", () => void emitter.emit("done"));
  expect(seen).toEqual(["emits", "adds"]);
});

test("a pool's callback runs in the context of whoever released, its promise in that of whoever awaits", async () => {
  const waiting: (() => void)[] = [];
  const seen: Record<string, string> = {};
  const awaiting = inSpan("waits", async () => {
    waiting.push(() => (seen["callback"] = found()));
    waiting.push(context.bind(context.active(), () => void (seen["bound"] = found())));
    await new Promise<void>((resolve) => waiting.push(resolve));
    seen["promise"] = found();
  });
  await inSpan("releases", () => waiting.forEach((go) => go()));
  await awaiting;
  expect(seen).toEqual({ callback: "releases", bound: "waits", promise: "waits" });
});

test("a batch runs in the context of the first load, in none where it is started in ROOT_CONTEXT", async () => {
  const batcher = (schedule: (run: () => void) => void): (() => Promise<string>) => {
    let waiting: ((value: string) => void)[] = [];
    const run = (): void => {
      for (const resolve of waiting) resolve(found());
      waiting = [];
    };
    return () =>
      new Promise((resolve) => {
        if (waiting.push(resolve) === 1) schedule(run);
      });
  };
  const plain = batcher((run) => process.nextTick(run));
  expect(await Promise.all([inSpan("first", plain), inSpan("second", plain)])).toEqual(["first", "first"]);
  const rooted = batcher((run) => context.with(ROOT_CONTEXT, () => process.nextTick(run)));
  expect(await Promise.all([inSpan("first", rooted), inSpan("second", rooted)])).toEqual(["none", "none"]);
});

test("a generator runs in the context of whoever asks for the next value", async () => {
  async function* values(): AsyncGenerator<string> {
    yield found();
  }
  const made = await inSpan("makes", () => ({ values: values() }));
  expect(await inSpan("asks", async () => (await made.values.next()).value)).toBe("asks");
});

test("an interval stays in the context of the request that opened it, in none where it is opened in ROOT_CONTEXT", async () => {
  const everyMoment = (): Promise<string> =>
    new Promise((resolve) => {
      const timer = setInterval(() => {
        clearInterval(timer);
        resolve(found());
      }, 2);
    });
  const opened = await inSpan("opens", () => [{ seen: everyMoment() }, { seen: context.with(ROOT_CONTEXT, everyMoment) }]);
  expect(await Promise.all(opened.map(({ seen }) => seen))).toEqual(["opens", "none"]);
});
