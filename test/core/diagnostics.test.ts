import { DiagLogLevel, diag } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { safeCall, reportFailure, warnOnce } from "../../src/core/telemetry/diagnostics.ts";

const error = vi.fn<(...args: unknown[]) => void>();
const warn = vi.fn<(...args: unknown[]) => void>();
const quiet = (): void => {};
beforeEach(() => {
  error.mockReset();
  warn.mockReset();
  diag.setLogger({ error, warn, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.ALL);
  error.mockReset();
  warn.mockReset();
});
afterEach(() => diag.disable());

const thrower = (thrown: unknown) => (): never => {
  throw thrown;
};
const TEXT = "a hook threw; the request goes on without it";

describe("somebody else's code", () => {
  it("is called with its arguments, and what it returns is handed on", () => {
    expect(safeCall("a hook", (a: number, b: number) => a - b, 3, 1)).toBe(2);
    expect(safeCall("a hook", undefined)).toBeUndefined();
    expect(error).not.toHaveBeenCalled();
  });

  it("that throws is told to diag, with what it threw", () => {
    const thrown = new Error("mine");
    expect(safeCall("a hook", thrower(thrown))).toBeUndefined();
    expect(error.mock.calls).toEqual([["a2a-otel", TEXT, thrown]]);
    expect(error.mock.calls[0]?.[2]).toBe(thrown);
  });

  it("that returns a promise which rejects is told to diag, and its promise handed on", async () => {
    const thrown = new Error("late");
    const promise = safeCall("a hook", () => Promise.reject(thrown));
    await expect(promise).rejects.toBe(thrown);
    expect(error.mock.calls).toEqual([["a2a-otel", TEXT, thrown]]);
  });
});

describe("what is told to diag", () => {
  const NODES = Object.assign(new TypeError("Invalid URL"), { input: "https://me:pass@agent.example:port" });
  it.each<[string, unknown, unknown]>([
    ["an error without a stack", Object.assign(new Error("x"), { stack: undefined }), undefined],
    ["a text", "failed", undefined],
    ["nothing", null, undefined],
    ["an error whose input is safe", Object.assign(new Error("x"), { input: "https://agent.example" }), undefined],
    ["an error whose input is no text", Object.assign(new Error("x"), { input: 7 }), undefined],
    ["a text with user info", "at https://me:pass@agent.example", "at https://REDACTED:REDACTED@agent.example"],
    [
      "an error without a stack, with a signature",
      noStack("https://agent.example/?sig=1"),
      "Error: https://agent.example/?sig=REDACTED",
    ],
    ["Node's error, whose URL is not in its text", NODES, NODES.stack],
  ])("of %s", (_, thrown, told) => {
    reportFailure("a hook", thrown);
    expect(error.mock.calls).toEqual([["a2a-otel", TEXT, told ?? thrown]]);
  });

  it("a warning comes once for each text", () => {
    for (let i = 0; i < 3; i++) warnOnce("a warning of this test");
    warnOnce("another warning of this test");
    expect(warn.mock.calls).toEqual([
      ["a2a-otel", "a warning of this test"],
      ["a2a-otel", "another warning of this test"],
    ]);
  });

  it("is lost where the logger throws", () => {
    error.mockImplementation(thrower(new Error("full")));
    warn.mockImplementation(thrower(new Error("full")));
    expect(() => reportFailure("a hook", new Error("x"))).not.toThrow();
    expect(() => warnOnce("a warning that nobody can write down")).not.toThrow();
  });
});

function noStack(message: string): Error {
  return Object.assign(new Error(message), { stack: undefined });
}
