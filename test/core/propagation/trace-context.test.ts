import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { parseTraceState } from "../../../src/core/propagation/trace-context.ts";
import { extractTraceContext, injectTraceContext } from "../../../src/index.ts";

describe("parseTraceState()", () => {
  it.each([
    ["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"],
    [" a=1 ,\tb=2 ", "a=1,b=2"],
    ["a=1,,b=2,", "a=1,b=2"],
    ["foo@=1,foo@@bar=2,0a@b=3", "foo@=1,foo@@bar=2,0a@b=3"],
    ["a=1,a=2", "a=1"],
    [`${"z".repeat(256)}=1`, `${"z".repeat(256)}=1`],
  ])("keeps %j", (header, kept) => {
    expect(parseTraceState(header)?.serialize()).toBe(kept);
  });

  it.each([
    "",
    ",",
    "a",
    "ab",
    "=1",
    "a=",
    "A=1",
    "@a=1,b=2",
    "a=b=c",
    "a =1",
    "a=é",
    `${"z".repeat(257)}=1,b=2`,
    Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(","),
  ])("discards %j as a whole", (header) => {
    expect(parseTraceState(header)).toBeUndefined();
  });

  it("returns a new state with the changed member first", () => {
    const state = parseTraceState("a=1,b=2");
    expect(state?.set("b", "3").serialize()).toBe("b=3,a=1");
    expect(state?.set("no key", "3").serialize()).toBe("a=1,b=2");
    expect(state?.unset("a").serialize()).toBe("b=2");
    expect(state?.get("b")).toBe("2");
    expect(state?.serialize()).toBe("a=1,b=2");
  });

  it("keeps 32 members and drops the last one if another is added", () => {
    const members = Array.from({ length: 32 }, (_, i) => `k${i}=1`);
    const state = parseTraceState(members.join(","));
    expect(state?.serialize()).toBe(members.join(","));
    expect(state?.set("new", "1").serialize()).toBe(["new=1", ...members.slice(0, 31)].join(","));
  });
});

describe("trace flags", () => {
  const TRACE = "0af7651916cd43dd8448eb211c80319c";

  it.each([
    ["02", "02"],
    ["03", "03"],
    ["01", "01"],
    ["ff", "03"],
  ])("passes the flags %s on as %s within a trace", (flags, kept) => {
    const context = extractTraceContext({ traceparent: `00-${TRACE}-b7ad6b7169203331-${flags}` }, ROOT_CONTEXT);
    expect(injectTraceContext({}, context)).toEqual({ traceparent: `00-${TRACE}-b7ad6b7169203331-${kept}` });
    // The SDK creates a child span with the sampled flag only.
    const child = { traceId: TRACE, spanId: "00f067aa0ba902b7", traceFlags: Number.parseInt(flags, 16) & 1 };
    const sent = injectTraceContext({}, trace.setSpanContext(context, child)) as { traceparent: string };
    expect(sent.traceparent).toBe(`00-${TRACE}-00f067aa0ba902b7-${kept}`);
  });

  it("does not pass the random flag on to another trace", () => {
    const context = extractTraceContext({ traceparent: `00-${TRACE}-b7ad6b7169203331-03` }, ROOT_CONTEXT);
    const other = { traceId: "1".repeat(32), spanId: "00f067aa0ba902b7", traceFlags: 1 };
    expect(injectTraceContext({}, trace.setSpanContext(context, other))).toEqual({
      traceparent: `00-${"1".repeat(32)}-00f067aa0ba902b7-01`,
    });
  });
});
