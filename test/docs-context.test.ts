import { EventEmitter } from "node:events";
import { ROOT_CONTEXT, context, trace } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { inSpan, startTelemetry } from "./support/telemetry.ts";

const telemetry = startTelemetry();
afterAll(() => telemetry.stop());
beforeEach(() => telemetry.reset());

/** The name of the active span. */
const activeSpanName = (): string => (trace.getActiveSpan() as unknown as ReadableSpan | undefined)?.name ?? "none";

const later = (milliseconds = 2): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe("where code runs (the table of docs/context.md)", () => {
  it("keeps the context across await, timers and promises that are not awaited, also after the span has ended", async () => {
    const names: Promise<string>[] = [];
    await inSpan("request", async () => {
      await later();
      names.push(Promise.resolve(activeSpanName()));
      names.push(new Promise((resolve) => process.nextTick(() => resolve(activeSpanName()))));
      names.push(later(10).then(activeSpanName));
    });
    expect(await Promise.all(names)).toEqual(["request", "request", "request"]);
  });

  it("runs a listener in the context of the code that emits, and a bound listener where it was added", async () => {
    const emitter = new EventEmitter();
    const names: string[] = [];
    await inSpan("adds", () => {
      emitter.on("done", () => names.push(activeSpanName()));
      emitter.on(
        "done",
        context.bind(context.active(), () => void names.push(activeSpanName())),
      );
    });
    await inSpan("emits", () => void emitter.emit("done"));
    expect(names).toEqual(["emits", "adds"]);
  });

  it("runs a pool's callback in the context of the code that releases, and code after await in its own", async () => {
    const waiting: (() => void)[] = [];
    const names: Record<string, string> = {};
    const awaiting = inSpan("waits", async () => {
      waiting.push(() => (names["callback"] = activeSpanName()));
      waiting.push(context.bind(context.active(), () => void (names["bound"] = activeSpanName())));
      await new Promise<void>((resolve) => waiting.push(resolve));
      names["promise"] = activeSpanName();
    });
    await inSpan("releases", () => waiting.forEach((go) => go()));
    await awaiting;
    expect(names).toEqual({ callback: "releases", bound: "waits", promise: "waits" });
  });

  it("runs a batch in the context of the first load, or in none if it is started in ROOT_CONTEXT", async () => {
    const batcher = (schedule: (run: () => void) => void): (() => Promise<string>) => {
      let waiting: ((value: string) => void)[] = [];
      const run = (): void => {
        for (const resolve of waiting) resolve(activeSpanName());
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

  it("runs a generator in the context of the code that requests the next value", async () => {
    async function* values(): AsyncGenerator<string> {
      yield activeSpanName();
    }
    const created = await inSpan("creates", () => ({ values: values() }));
    expect(await inSpan("requests", async () => (await created.values.next()).value)).toBe("requests");
  });

  it("runs an interval in the context of the request that opened it, or in none if it is opened in ROOT_CONTEXT", async () => {
    const nextTick = (): Promise<string> =>
      new Promise((resolve) => {
        const timer = setInterval(() => {
          clearInterval(timer);
          resolve(activeSpanName());
        }, 2);
      });
    const opened = await inSpan("opens", () => [{ name: nextTick() }, { name: context.with(ROOT_CONTEXT, nextTick) }]);
    expect(await Promise.all(opened.map(({ name }) => name))).toEqual(["opens", "none"]);
  });
});
