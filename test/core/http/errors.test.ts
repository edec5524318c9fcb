import { runInNewContext } from "node:vm";
import { trace } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { errorType, isCancellation, isError, recordException } from "../../../src/core/http/errors.ts";
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
    throw new Error("name is not readable");
  },
});

describe("isError()", () => {
  it.each<[string, unknown]>([
    ["an Error", new Error("x")],
    ["an Error with another Symbol.toStringTag", Object.assign(new Error("x"), { [Symbol.toStringTag]: "Failure" })],
    ["an Error of another realm", runInNewContext("new Error('x')")],
    ["a DOMException", new DOMException("x")],
  ])("is true for %s", (_, value) => {
    expect(isError(value)).toBe(true);
  });

  it.each(["Error", {}, { name: "Error", message: "x" }, null, undefined])("is false for %j", (value) => {
    expect(isError(value)).toBe(false);
  });

  describe("on a platform with another DOMException", () => {
    class Exception {
      name = "TimeoutError";
    }
    afterEach(() => vi.unstubAllGlobals());

    it("accepts a DOMException that is not an Error", () => {
      vi.stubGlobal("DOMException", Exception);
      expect(isError(new Exception())).toBe(true);
      expect(isError({})).toBe(false);
      expect(errorType(new Exception())).toBe("TimeoutError");
    });

    it("works without DOMException", () => {
      vi.stubGlobal("DOMException", undefined);
      expect(isError(new Exception())).toBe(false);
      expect(isError(new Error("x"))).toBe(true);
    });
  });
});

const withCode = (code: unknown): Error => Object.assign(new Error("m"), { code });

describe("errorType()", () => {
  const cyclic = new TypeError("a");
  cyclic.cause = new Error("b", { cause: cyclic });
  const long: Error = Array.from({ length: 50 }).reduce<Error>((cause) => new Error("e", { cause }), withCode("DEEP"));
  class HTTPError extends Error {
    override name = "HTTPError";
  }
  class Custom extends Error {}

  const selfContained = new AggregateError([]);
  selfContained.errors.push(selfContained);
  const eight = Array.from({ length: 8 }, () => new Error("x"));

  it.each<[string, unknown, string]>([
    ["a code", withCode("ECONNREFUSED"), "ECONNREFUSED"],
    ["a cause's code", new TypeError("fetch failed", { cause: withCode("UND_ERR_SOCKET") }), "UND_ERR_SOCKET"],
    ["a code in an AggregateError", new AggregateError([new Error("x"), withCode("ETIMEDOUT")]), "ETIMEDOUT"],
    ["an AggregateError's own code", Object.assign(new AggregateError([withCode("B")]), { code: "A1" }), "A1"],
    [
      "a cause that is an AggregateError",
      new TypeError("x", { cause: new AggregateError([withCode("ENETUNREACH")]) }),
      "ENETUNREACH",
    ],
    ["a cyclic cause", cyclic, "TypeError"],
    ["a very long chain", long, "Error"],
    ["a DOMException, whose code is a number", new DOMException("late", "TimeoutError"), "TimeoutError"],
    ["a number as the code", withCode(23), "Error"],
    ["a message as the code", withCode("cannot connect to host a.example"), "Error"],
    ["an empty code", withCode(""), "Error"],
    ["a name", new HTTPError("x"), "HTTPError"],
    ["a class that does not set a name", new Custom("x"), "Custom"],
    ["a message as the name", Object.assign(new Error("x"), { name: "no, that failed" }), "Error"],
    ["no name and no constructor", Object.assign(new Error("x"), { constructor: undefined }), "Error"],
    ["an empty AggregateError", new AggregateError([]), "AggregateError"],
    ["a string", "failed: secret", "_OTHER"],
    ["null", null, "_OTHER"],
    ["undefined", undefined, "_OTHER"],
    ["a number", 404, "_OTHER"],
    ["an object", { message: "m" }, "_OTHER"],
    ["an object with a code", { code: "ECODE" }, "ECODE"],
    ["an object without a prototype", Object.create(null), "_OTHER"],
    [
      "a getter that throws",
      Object.defineProperty(new Error("x"), "code", {
        get: () => {
          throw new Error("code is not readable");
        },
      }),
      "_OTHER",
    ],
    ["a null cause", new TypeError("x", { cause: null }), "TypeError"],
    ["a code both in the cause and in an inner error", new AggregateError([withCode("B1")], "m", { cause: withCode("A1") }), "A1"],
    ["a code in the eighth inner error", new AggregateError([...eight.slice(1), withCode("A1")]), "A1"],
    ["a code in the ninth inner error", new AggregateError([...eight, withCode("A1")]), "AggregateError"],
    ["itself among its inner errors", selfContained, "AggregateError"],
    ["an undefined name", Object.assign(new TypeError("x"), { name: undefined }), "TypeError"],
    ["a code of 65 characters", withCode("A".repeat(65)), "Error"],
    ["a code of 64 characters", withCode("A".repeat(64)), "A".repeat(64)],
    ["the prototype of another realm", runInNewContext("new RangeError('x')"), "RangeError"],
  ])("derives the type from %s", (_, error, type) => {
    expect(errorType(error)).toBe(type);
  });

  it("is a short string without spaces for any value", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), fc.anything(), fc.string(), (value, cause, name) => {
        const error = Object.assign(new Error("m", { cause }), { name });
        for (const thrown of [value, error, { errors: [value], cause }]) expect(errorType(thrown)).toMatch(/^\w{1,64}$/);
      }),
      { numRuns: 200 },
    );
  });

  it("inspects a bounded number of nested errors", () => {
    let inspected = 0;
    const nested = (depth: number): Error => {
      const error = new AggregateError([], "all failed");
      Object.defineProperty(error, "errors", {
        get: () => {
          inspected++;
          return depth === 0 ? [] : Array.from({ length: 8 }, () => nested(depth - 1));
        },
      });
      return error;
    };
    expect(errorType(nested(9))).toBe("AggregateError");
    expect(inspected).toBeLessThan(100);
    expect(inspected).toBeGreaterThan(8);
  });
});

describe("isCancellation()", () => {
  it.each<[string, boolean, unknown, AbortSignal | null | undefined]>([
    ["an AbortError without a signal", true, ABORT, undefined],
    ["an AbortError under a signal that is not aborted", true, ABORT, new AbortController().signal],
    ["an AbortError under an aborted signal", true, ABORT, aborted(REASON)],
    ["any error without a signal", false, REASON, null],
    ["any error under a signal that is not aborted", false, REASON, new AbortController().signal],
    ["another error than the reason", false, new Error("reset"), aborted(REASON)],
    ["the reason itself", true, REASON, aborted(REASON)],
    ["an error whose cause is the reason", true, new Error("failed", { cause: REASON }), aborted(REASON)],
    ["a copy of the reason", true, new Error("enough"), aborted(REASON)],
    ["an error with the reason's message under another name", false, new TypeError("enough"), aborted(REASON)],
    ["an error with the reason's name and another message", false, new Error("more"), aborted(REASON)],
    ["an error whose message is the reason, a string", true, new Error("enough"), aborted("enough")],
    ["an error whose message is not the reason, a string", false, new Error("more"), aborted("enough")],
    ["an object with the reason's name and message", false, { name: "Error", message: "enough" }, aborted(REASON)],
    ["a string that is the reason", true, "enough", aborted("enough")],
    ["a string that is not the reason", false, "more", aborted("enough")],
    ["null under an aborted signal", false, null, aborted(REASON)],
    ["a timeout", false, TIMEOUT, aborted(TIMEOUT)],
    ["an AbortError for a timeout", false, ABORT, aborted(TIMEOUT)],
    ["an error whose name throws", false, THROWS, undefined],
  ])("of %s is %s", (_, expected, error, signal) => {
    expect(isCancellation(error, signal)).toBe(expected);
  });
});

describe("errorType() with a signal", () => {
  it.each<[string, unknown, AbortSignal | null | undefined, string]>([
    ["is the error's own without a signal", new TypeError("x"), undefined, "TypeError"],
    ["is its own under a signal that is not aborted", new TypeError("x"), new AbortController().signal, "TypeError"],
    ["is its own under a cancellation", new TypeError("x"), aborted(REASON), "TypeError"],
    ["is that of the timeout that caused it", ABORT, aborted(TIMEOUT), "TimeoutError"],
    ["is _OTHER for undefined", undefined, aborted(REASON), "_OTHER"],
    ["is its own if the reason is not readable", new TypeError("x"), aborted(THROWS), "TypeError"],
  ])("%s", (_, error, signal, type) => {
    expect(errorType(error, signal)).toBe(type);
  });
});

describe("recordException()", () => {
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

  it("records type, message and stack and redacts the URLs in them", () => {
    const error = new TypeError(SECRET);
    expect(eventOf(error)).toEqual({
      "exception.type": "TypeError",
      "exception.message": SAFE,
      "exception.stacktrace": error.stack?.replace(SECRET, SAFE),
    });
  });

  it("records the text of a value that is not an error", () => {
    expect(eventOf(SECRET)).toEqual({ "exception.message": SAFE });
  });

  it("records an error without stack, name and message", () => {
    const bare = Object.assign(new Error("x"), { stack: undefined, name: undefined, message: undefined });
    expect(eventOf(bare)).toEqual({ "exception.type": "Error", "exception.message": "undefined" });
  });
});
