import { INVALID_SPAN_CONTEXT, ROOT_CONTEXT, TraceFlags, context, createContextKey, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { isTracingSuppressed, suppressTracing, unsuppressTracing } from "@opentelemetry/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CallContext, isSuppressed, withoutCallSuppression } from "../../../src/core/context/call-context.ts";
import { SPAN_KEY } from "../../../src/core/context/context-keys.ts";
import { clearGlobals } from "../../support/telemetry.ts";

const spanOf = (spanId: string): ReturnType<typeof trace.wrapSpanContext> =>
  trace.wrapSpanContext({ traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId, traceFlags: TraceFlags.SAMPLED });
const SPAN = spanOf("00f067aa0ba902b7");
const OTHER = spanOf("00f067aa0ba902b8");
const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
const KEY = createContextKey("test");
const PARENT = trace.setSpan(ROOT_CONTEXT.setValue(KEY, "of the parent"), OTHER);

let call: { suppressing: boolean };
let within: CallContext;
beforeEach(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  call = { suppressing: false };
  within = new CallContext(PARENT, SPAN, call);
});
afterEach(clearGlobals);

const whileSuppressing = <Result>(look: () => Result): Result => {
  call.suppressing = true;
  try {
    return look();
  } finally {
    call.suppressing = false;
  }
};

describe("CallContext", () => {
  it("has the call's span and the other values of its parent", () => {
    expect(trace.getSpan(within)).toBe(SPAN);
    expect(within.getValue(KEY)).toBe("of the parent");
    expect(isTracingSuppressed(within)).toBe(false);
    expect(trace.getSpan(new CallContext(PARENT, undefined, call))).toBe(OTHER);
  });

  it("is suppressed, like contexts derived from it, only while the call is suppressing", () => {
    const derived = within.setValue(KEY, "derived");
    const without = derived.deleteValue(KEY);
    for (const one of [within, derived, without]) {
      expect(isTracingSuppressed(one)).toBe(false);
      expect(whileSuppressing(() => isTracingSuppressed(one))).toBe(true);
    }
    expect(whileSuppressing(() => context.with(derived, () => isTracingSuppressed(derived)))).toBe(true);
    expect(derived.getValue(KEY)).toBe("derived");
    expect(without.getValue(KEY)).toBeUndefined();
    expect(within.getValue(KEY)).toBe("of the parent");
    for (const one of [derived, without]) expect(trace.getSpan(one)).toBe(SPAN);
  });

  it("can be derived with another span or without a span", () => {
    expect(trace.getSpan(trace.setSpan(within, OTHER))).toBe(OTHER);
    expect(trace.getSpan(trace.deleteSpan(within))).toBeUndefined();
    expect(trace.getSpan(trace.setSpan(within, NO_SPAN))).toBe(NO_SPAN);
    const derived = trace.setSpan(within, OTHER);
    expect(whileSuppressing(() => isTracingSuppressed(derived))).toBe(true);
  });

  it("is not suppressed after unsuppressTracing()", () => {
    const free = unsuppressTracing(within);
    expect(whileSuppressing(() => isTracingSuppressed(free))).toBe(false);
  });

  it("is suppressed if its parent is", () => {
    const suppressed = new CallContext(suppressTracing(PARENT), SPAN, call);
    expect(isTracingSuppressed(suppressed)).toBe(true);
    expect(whileSuppressing(() => isTracingSuppressed(suppressed))).toBe(true);
  });
});

describe("the non-recording span of a suppressed instrumentation", () => {
  const derive = (): Context => whileSuppressing(() => trace.setSpan(within, NO_SPAN));

  it("does not replace the call's span", () => {
    const derived = derive();
    expect(trace.getSpan(derived)).toBe(SPAN);
    expect(whileSuppressing(() => isTracingSuppressed(derived))).toBe(true);
  });

  it("ends the suppression once its context is active, since application code runs there", () => {
    const derived = derive();
    expect(whileSuppressing(() => context.with(derived, () => isTracingSuppressed(derived)))).toBe(false);
    expect(whileSuppressing(() => context.with(within, () => isTracingSuppressed(derived)))).toBe(true);
  });

  it("keeps contexts suppressed that were derived during suppression, but not those derived later", () => {
    const derived = derive();
    const during = whileSuppressing(() => derived.setValue(KEY, "derived"));
    const after = derived.setValue(KEY, "derived");
    expect(whileSuppressing(() => isTracingSuppressed(during))).toBe(true);
    expect(whileSuppressing(() => isTracingSuppressed(after))).toBe(false);
    expect(whileSuppressing(() => context.with(during, () => isTracingSuppressed(during)))).toBe(false);
    const active = context.with(derived, () => whileSuppressing(() => derived.setValue(KEY, "derived")));
    expect(whileSuppressing(() => isTracingSuppressed(active))).toBe(false);
  });

  it("stores values that are not spans unchanged", () => {
    for (const value of [undefined, null, {}])
      expect(whileSuppressing(() => trace.setSpan(within, value as never)).getValue(SPAN_KEY!)).toBe(value);
  });

  it("is distinguished from a recording span, which replaces the call's span", () => {
    expect(whileSuppressing(() => trace.getSpan(trace.setSpan(within, OTHER)))).toBe(OTHER);
    const key = whileSuppressing(() => within.setValue(KEY, NO_SPAN));
    expect(key.getValue(KEY)).toEqual(NO_SPAN);
    expect(trace.getSpan(key)).toEqual(SPAN);
  });
});

describe("isSuppressed() and withoutCallSuppression()", () => {
  it("distinguish suppression by the application from suppression by a call", () => {
    const byApplication = new CallContext(suppressTracing(PARENT), SPAN, call);
    for (const one of [ROOT_CONTEXT, within]) expect(isSuppressed(one)).toBe(false);
    for (const one of [suppressTracing(ROOT_CONTEXT), byApplication]) expect(isSuppressed(one)).toBe(true);
    expect(whileSuppressing(() => isSuppressed(within))).toBe(false);
    expect(whileSuppressing(() => isSuppressed(byApplication))).toBe(true);
  });

  it("return the context itself if nothing is suppressed, and undefined if the application suppresses tracing", () => {
    expect(withoutCallSuppression(PARENT)).toEqual(PARENT);
    expect(withoutCallSuppression(within)).toEqual(within);
    expect(withoutCallSuppression(suppressTracing(PARENT))).toBeUndefined();
    expect(withoutCallSuppression(new CallContext(suppressTracing(PARENT), SPAN, call))).toBeUndefined();
  });

  it("return a context that is never suppressed by the call again", () => {
    const free = whileSuppressing(() => withoutCallSuppression(within)) as Context;
    expect(whileSuppressing(() => isTracingSuppressed(free))).toBe(false);
    expect(trace.getSpan(free)).toEqual(SPAN);
    expect(free.getValue(KEY)).toBe("of the parent");
  });
});
