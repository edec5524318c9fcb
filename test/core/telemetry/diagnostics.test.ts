import { diag } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { safeCall, reportFailure, warnOnce } from "../../../src/core/telemetry/diagnostics.ts";
import { recordDiagnostics } from "../../support/diagnostics.ts";
import type { DiagnosticsRecorder } from "../../support/diagnostics.ts";

let diagnostics: DiagnosticsRecorder;
beforeEach(() => void (diagnostics = recordDiagnostics()));
afterEach(() => diag.disable());

const thrower = (thrown: unknown) => (): never => {
  throw thrown;
};
const MESSAGE = "a hook threw; the request goes on without it";

describe("safeCall()", () => {
  it("passes the arguments on and returns the result", () => {
    expect(safeCall("a hook", (a: number, b: number) => a - b, 3, 1)).toBe(2);
    expect(safeCall("a hook", undefined)).toBeUndefined();
    expect(diagnostics.error).not.toHaveBeenCalled();
  });

  it("logs what the code throws", () => {
    const thrown = new Error("mine");
    expect(safeCall("a hook", thrower(thrown))).toBeUndefined();
    expect(diagnostics.error.mock.calls).toEqual([["a2a-otel", MESSAGE, thrown]]);
    expect(diagnostics.error.mock.calls[0]?.[2]).toBe(thrown);
  });

  it("logs a rejection and returns the rejected promise", async () => {
    const thrown = new Error("late");
    const promise = safeCall("a hook", () => Promise.reject(thrown));
    await expect(promise).rejects.toBe(thrown);
    expect(diagnostics.error.mock.calls).toEqual([["a2a-otel", MESSAGE, thrown]]);
  });
});

describe("reportFailure()", () => {
  const NODE_ERROR = Object.assign(new TypeError("Invalid URL"), { input: "https://me:pass@agent.example:port" });
  it.each<[string, unknown, unknown]>([
    ["an error without a stack", Object.assign(new Error("x"), { stack: undefined }), undefined],
    ["a string", "failed", undefined],
    ["null", null, undefined],
    ["an error whose input is safe", Object.assign(new Error("x"), { input: "https://agent.example" }), undefined],
    ["an error whose input is not a string", Object.assign(new Error("x"), { input: 7 }), undefined],
    ["a string with user info", "at https://me:pass@agent.example", "at https://REDACTED:REDACTED@agent.example"],
    [
      "an error without a stack, with a signature",
      errorWithoutStack("https://agent.example/?sig=1"),
      "Error: https://agent.example/?sig=REDACTED",
    ],
    ["Node's error, which has the URL in its input only", NODE_ERROR, NODE_ERROR.stack],
  ])("logs %s without secrets", (_, thrown, logged) => {
    reportFailure("a hook", thrown);
    expect(diagnostics.error.mock.calls).toEqual([["a2a-otel", MESSAGE, logged ?? thrown]]);
  });

  it("does not throw if the logger throws", () => {
    diagnostics.error.mockImplementation(thrower(new Error("full")));
    expect(() => reportFailure("a hook", new Error("x"))).not.toThrow();
  });
});

describe("warnOnce()", () => {
  it("logs each text once", () => {
    for (let i = 0; i < 3; i++) warnOnce("a warning of this test");
    warnOnce("another warning of this test");
    expect(diagnostics.warn.mock.calls).toEqual([
      ["a2a-otel", "a warning of this test"],
      ["a2a-otel", "another warning of this test"],
    ]);
  });

  it("does not throw if the logger throws", () => {
    diagnostics.warn.mockImplementation(thrower(new Error("full")));
    expect(() => warnOnce("a warning that the logger rejects")).not.toThrow();
  });
});

function errorWithoutStack(message: string): Error {
  return Object.assign(new Error(message), { stack: undefined });
}
