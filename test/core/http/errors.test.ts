import { trace } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { errorType, isCancellation, recordException } from "../../../src/core/http/errors.ts";
import { SENSITIVE_QUERY_PARAMETERS, sensitiveQuery } from "../../../src/core/http/redaction.ts";
import { startTelemetry } from "../../support/telemetry.ts";
import type { TestTelemetry } from "../../support/telemetry.ts";

const aborted = (reason?: unknown): AbortSignal => AbortSignal.abort(reason);
const named = (name: string, message = ""): Error => Object.assign(new Error(message), { name });
const ABORT = named("AbortError");
const REASON = new Error("enough");
const TIMEOUT = new DOMException("late", "TimeoutError");
const THROWS = Object.defineProperty(new Error("x"), "name", {
  get: () => {
    throw new Error("not mine");
  },
});

describe("what is a cancel", () => {
  it.each<[string, unknown, AbortSignal | null | undefined, boolean]>([
    ["an AbortError without a signal", ABORT, undefined, true],
    ["an AbortError under a signal that is not aborted", ABORT, new AbortController().signal, true],
    ["an AbortError under an aborted signal", ABORT, aborted(REASON), true],
    ["any error without a signal", REASON, null, false],
    ["any error under a signal that is not aborted", REASON, new AbortController().signal, false],
    ["another error than the reason", new Error("reset"), aborted(REASON), false],
    ["the reason itself", REASON, aborted(REASON), true],
    ["what the reason has caused", new Error("failed", { cause: REASON }), aborted(REASON), true],
    ["a copy of the reason", new Error("enough"), aborted(REASON), true],
    ["an error with the reason's message under another name", new TypeError("enough"), aborted(REASON), false],
    ["an error with the reason's name and another message", new Error("more"), aborted(REASON), false],
    ["an error made of a reason that is a text", new Error("enough"), aborted("enough"), true],
    ["an error with another text than the reason", new Error("more"), aborted("enough"), false],
    ["an object with the reason's name and message", { name: "Error", message: "enough" }, aborted(REASON), false],
    ["a text that is the reason", "enough", aborted("enough"), true],
    ["a text that is not the reason", "more", aborted("enough"), false],
    ["nothing, where there is a reason", null, aborted(REASON), false],
    ["a timeout", TIMEOUT, aborted(TIMEOUT), false],
    ["an AbortError for a timeout", ABORT, aborted(TIMEOUT), false],
    ["an error that throws when it is looked at", THROWS, undefined, false],
  ])("%s: %#", (_, error, signal, isCancel) => {
    expect(isCancellation(error, signal)).toBe(isCancel);
  });
});

describe("the type of an error", () => {
  it.each<[string, unknown, AbortSignal | null | undefined, string]>([
    ["is its own", new TypeError("x"), undefined, "TypeError"],
    ["is its own under a signal that is not aborted", new TypeError("x"), new AbortController().signal, "TypeError"],
    ["is its own under a cancel", new TypeError("x"), aborted(REASON), "TypeError"],
    ["is that of the timeout that caused it", ABORT, aborted(TIMEOUT), "TimeoutError"],
    ["is that of what is no error", undefined, aborted(REASON), "_OTHER"],
    ["is its own where the reason throws when it is looked at", new TypeError("x"), aborted(THROWS), "TypeError"],
  ])("%s", (_, error, signal, type) => {
    expect(errorType(error, signal)).toBe(type);
  });
});

describe("an exception event", () => {
  let telemetry: TestTelemetry;
  beforeEach(() => void (telemetry = startTelemetry()));
  afterEach(() => telemetry.stop());

  function eventOf(error: unknown): ReadableSpan["events"][0]["attributes"] {
    const span = trace.getTracer("test").startSpan("call");
    recordException(span, error, sensitiveQuery(SENSITIVE_QUERY_PARAMETERS));
    span.end();
    return telemetry.spans()[0]?.events[0]?.attributes;
  }
  const SECRET = "no answer from https://me:pass@agent.example/?sig=1";
  const SAFE = "no answer from https://REDACTED:REDACTED@agent.example/?sig=REDACTED";

  it("has the error's type, its message and its stack, without the secrets of URLs", () => {
    const error = new TypeError(SECRET);
    expect(eventOf(error)).toEqual({
      "exception.type": "TypeError",
      "exception.message": SAFE,
      "exception.stacktrace": error.stack?.replace(SECRET, SAFE),
    });
  });

  it("has the text of what is no error", () => {
    expect(eventOf(SECRET)).toEqual({ "exception.message": SAFE });
  });

  it("has what there is of an error without a stack, a name or a message", () => {
    const bare = Object.assign(new Error("x"), { stack: undefined, name: undefined, message: undefined });
    expect(eventOf(bare)).toEqual({ "exception.type": "Error", "exception.message": "undefined" });
  });
});
