import { SpanStatusCode, context, trace } from "@opentelemetry/api";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { followCall, followStream } from "../../src/a2a/follow.ts";
import { Operation } from "../../src/a2a/operation.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let telemetry: TestTelemetry;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(() => telemetry.stop());

function begin(): Operation {
  const span = trace.getTracer("test").startSpan("SendMessage");
  return new Operation(trace.setSpan(context.active(), span), {
    span,
    endsSpan: true,
    classifyError: (error) => ({ type: String(error) }),
  });
}
const ended = (): unknown[] =>
  telemetry.spans().map(({ status, attributes }) => [status.code, attributes["error.type"], attributes["a2a.task.id"]]);
const TASK = { id: "t-1", status: {} };

it("follows a method that returns no promise or throws synchronously", () => {
  expect(followCall(begin(), () => TASK)).toBe(TASK);
  const error = new Error("no");
  expect(() =>
    followCall(begin(), () => {
      throw error;
    }),
  ).toThrow(error);
  expect(ended()).toEqual([
    [SpanStatusCode.UNSET, undefined, "t-1"],
    [SpanStatusCode.ERROR, "Error: no", undefined],
  ]);
});

it("returns a value that is not a stream, and starts no operation", () => {
  const none = vi.fn(begin);
  for (const value of [undefined, null, "text", TASK]) expect(followStream(value, none)).toBe(value);
  expect(none).not.toHaveBeenCalled();
});

it("follows each iterator of a stream that creates one for each reader", async () => {
  const stream = { [Symbol.asyncIterator]: () => events(), next: () => Promise.reject(new Error("not asked")) };
  async function* events(): AsyncGenerator<object> {
    yield TASK;
  }
  const followed = followStream(stream, begin) as typeof stream;
  for (let i = 0; i < 2; i++) for await (const event of followed) expect(event).toBe(TASK);
  expect(ended()).toEqual([
    [SpanStatusCode.UNSET, undefined, "t-1"],
    [SpanStatusCode.UNSET, undefined, "t-1"],
  ]);
});

it("keeps the behaviour of a stream whose methods return no promise or throw synchronously", () => {
  const error = new Error("broken");
  const stream = {
    next: (): unknown => "at once",
    return: (): never => {
      throw error;
    },
    [Symbol.asyncIterator]: () => stream,
  };
  const followed = followStream(stream, begin) as typeof stream;
  expect(followed.next()).toBe("at once");
  expect(followed[Symbol.asyncIterator]()).toBe(followed);
  expect(followed).not.toHaveProperty("throw");
  expect(() => followed.return()).toThrow(error);
  expect(ended()).toEqual([[SpanStatusCode.ERROR, "Error: broken", undefined]]);
});
