import { INVALID_SPAN_CONTEXT, ROOT_CONTEXT, TraceFlags, context, createContextKey, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { isTracingSuppressed, suppressTracing, unsuppressTracing } from "@opentelemetry/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CallContext, isSuppressed, withoutCallSuppression } from "../../../src/core/context/call-context.ts";
import { SPAN_KEY } from "../../../src/core/context/context-keys.ts";
import { clearGlobals } from "../../support/telemetry.ts";

const spanOf = (spanId: string): ReturnType<typeof trace.wrapSpanContext> =>
  trace.wrapSpanContext({ traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId, traceFlags: TraceFlags.SAMPLED });
const SPAN = spanOf("00f067aa0ba902b7");
const OTHER = spanOf("00f067aa0ba902b8");
const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
const KEY = createContextKey("mine");
const PARENT = trace.setSpan(ROOT_CONTEXT.setValue(KEY, "parent's"), OTHER);

let call: { suppressing: boolean };
let within: CallContext;
beforeEach(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  call = { suppressing: false };
  within = new CallContext(PARENT, SPAN, call);
});
afterEach(clearGlobals);

const switched = <Result>(look: () => Result): Result => {
  call.suppressing = true;
  try {
    return look();
  } finally {
    call.suppressing = false;
  }
};

describe("the context of a call", () => {
  test("has the call's span and all else of its parent's", () => {
    expect(trace.getSpan(within)).toBe(SPAN);
    expect(within.getValue(KEY)).toBe("parent's");
    expect(isTracingSuppressed(within)).toBe(false);
    expect(trace.getSpan(new CallContext(PARENT, undefined, call))).toBe(OTHER);
  });

  test("is suppressed while the switch is on, and so is what is derived from it", () => {
    const derived = within.setValue(KEY, "mine");
    const without = derived.deleteValue(KEY);
    const look = (): boolean[] => [within, derived, without].map(isTracingSuppressed);
    expect(look()).toEqual([false, false, false]);
    expect(switched(look)).toEqual([true, true, true]);
    expect(switched(() => context.with(derived, () => isTracingSuppressed(derived)))).toBe(true);
    expect([derived.getValue(KEY), without.getValue(KEY), within.getValue(KEY)]).toEqual(["mine", undefined, "parent's"]);
    expect([derived, without].map((of) => trace.getSpan(of))).toEqual([SPAN, SPAN]);
  });

  test("takes another span, and loses the one it has", () => {
    expect(trace.getSpan(trace.setSpan(within, OTHER))).toBe(OTHER);
    expect(trace.getSpan(trace.deleteSpan(within))).toBeUndefined();
    expect(trace.getSpan(trace.setSpan(within, NO_SPAN))).toBe(NO_SPAN);
    const derived = trace.setSpan(within, OTHER);
    expect(switched(() => isTracingSuppressed(derived))).toBe(true);
  });

  test("without suppression is never suppressed again", () => {
    const free = unsuppressTracing(within);
    expect(switched(() => isTracingSuppressed(free))).toBe(false);
  });

  test("of a parent that is suppressed is suppressed", () => {
    const suppressed = new CallContext(suppressTracing(PARENT), SPAN, call);
    expect([isTracingSuppressed(suppressed), switched(() => isTracingSuppressed(suppressed))]).toEqual([true, true]);
  });
});

describe("the span that a suppressed instrumentation did not get", () => {
  const placed = (): Context => switched(() => trace.setSpan(within, NO_SPAN));

  test("does not take the place of the call's", () => {
    const derived = placed();
    expect(trace.getSpan(derived)).toBe(SPAN);
    expect(switched(() => isTracingSuppressed(derived))).toBe(true);
  });

  test("ends the suppression once its context is active: the application's code runs there", () => {
    const derived = placed();
    expect(switched(() => context.with(derived, () => isTracingSuppressed(derived)))).toBe(false);
    expect(switched(() => context.with(within, () => isTracingSuppressed(derived)))).toBe(true);
  });

  test("keeps what is derived under suppression, and frees what is derived after it", () => {
    const derived = placed();
    const during = switched(() => derived.setValue(KEY, "mine"));
    const after = derived.setValue(KEY, "mine");
    expect(switched(() => [during, after].map(isTracingSuppressed))).toEqual([true, false]);
    expect(switched(() => context.with(during, () => isTracingSuppressed(during)))).toBe(false);
    const active = context.with(derived, () => switched(() => derived.setValue(KEY, "mine")));
    expect(switched(() => isTracingSuppressed(active))).toBe(false);
  });

  test("what is no span at all is taken for what it is", () => {
    for (const value of [undefined, null, {}])
      expect(switched(() => trace.setSpan(within, value as never)).getValue(SPAN_KEY!)).toBe(value);
  });

  test("a span of somebody's own does take its place", () => {
    expect(switched(() => trace.getSpan(trace.setSpan(within, OTHER)))).toBe(OTHER);
    const key = switched(() => within.setValue(KEY, NO_SPAN));
    expect([key.getValue(KEY), trace.getSpan(key)]).toEqual([NO_SPAN, SPAN]);
  });
});

describe("suppression by the application", () => {
  test("counts, ours does not", () => {
    const byApplication = new CallContext(suppressTracing(PARENT), SPAN, call);
    expect([ROOT_CONTEXT, suppressTracing(ROOT_CONTEXT), within, byApplication].map(isSuppressed)).toEqual([
      false,
      true,
      false,
      true,
    ]);
    expect(switched(() => [within, byApplication].map(isSuppressed))).toEqual([false, true]);
  });

  test("a call is made in the same context where nothing is suppressed, and in none where the application has done so", () => {
    expect([withoutCallSuppression(PARENT), withoutCallSuppression(within)]).toEqual([PARENT, within]);
    expect([
      withoutCallSuppression(suppressTracing(PARENT)),
      withoutCallSuppression(new CallContext(suppressTracing(PARENT), SPAN, call)),
    ]).toEqual([undefined, undefined]);
  });

  test("a call that is made while our switch is on is free of it for good", () => {
    const free = switched(() => withoutCallSuppression(within)) as Context;
    expect(switched(() => isTracingSuppressed(free))).toBe(false);
    expect([trace.getSpan(free), free.getValue(KEY)]).toEqual([SPAN, "parent's"]);
  });
});
