import {
  DiagLogLevel,
  INVALID_SPAN_CONTEXT,
  ROOT_CONTEXT,
  TraceFlags,
  context,
  diag,
  propagation,
  trace,
} from "@opentelemetry/api";
import type { Context, TextMapPropagator } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { suppressTracing } from "@opentelemetry/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  truncateHeaders,
  extract,
  hasContext,
  inject,
  propagationSource,
  replacedNames,
} from "../../../src/core/propagation/propagator.ts";
import type { Propagation } from "../../../src/core/propagation/propagator.ts";
import { clearGlobals } from "../../support/telemetry.ts";

const SPAN = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: TraceFlags.SAMPLED };
const OTHER_SPAN = { ...SPAN, spanId: "00f067aa0ba902b7" };
const TRACEPARENT = `00-${SPAN.traceId}-${SPAN.spanId}-01`;
const TRACED = trace.setSpanContext(ROOT_CONTEXT, SPAN);
const BAGGAGE = propagation.createBaggage({ user: { value: "1" } });
const ALL = ["traceparent", "tracestate", "baggage"];

const error = vi.fn<(...args: unknown[]) => void>();
const quiet = (): void => {};
const told = (): unknown[] => error.mock.calls.map(([, text]) => text);
const thrower = (): never => {
  throw new Error("broken");
};

beforeEach(() => {
  clearGlobals();
  diag.setLogger({ error, warn: quiet, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.ERROR);
});
afterEach(() => {
  clearGlobals();
  vi.unstubAllEnvs();
  error.mockReset();
});

/** A propagator of a format of its own. */
const propagatorOf = (own: Partial<TextMapPropagator>): TextMapPropagator => ({
  inject: (_context, carrier, setter) => setter.set(carrier, "b3", "1"),
  extract: (given) => given,
  fields: () => ["b3"],
  ...own,
});
const sourceOf = (own: Partial<TextMapPropagator>): Propagation => propagationSource(propagatorOf(own))()!;
const w3c = (): Propagation => propagationSource(undefined)()!;

describe("the propagator of the moment", () => {
  it.each<[string | undefined, object | undefined]>([
    [undefined, { traceparent: TRACEPARENT, baggage: "user=1" }],
    ["none", undefined],
  ])("is the global one; where there is none, OTEL_PROPAGATORS=%s decides on W3C's", (names, sent) => {
    vi.stubEnv("OTEL_PROPAGATORS", names);
    const find = propagationSource(undefined);
    const headers = (): object | undefined => {
      const source = find();
      return source && inject(source, propagation.setBaggage(TRACED, BAGGAGE));
    };
    expect([find()?.fields, headers()]).toEqual([sent && ALL, sent]);
    propagation.setGlobalPropagator(propagatorOf({}));
    expect([find()?.fields, headers()]).toEqual([["b3"], { b3: "1" }]);
    propagation.disable();
    expect([find()?.fields, headers()]).toEqual([sent && ALL, sent]);
  });

  it("is asked for its fields once, until there is another", () => {
    const find = propagationSource(undefined);
    for (const names of [["b3"], ["uber-trace-id", "b3"]]) {
      const fields = vi.fn<() => string[]>(() => names);
      propagation.disable();
      propagation.setGlobalPropagator(propagatorOf({ fields }));
      expect([find()?.fields, find()?.fields, find()?.fields]).toEqual([names, names, names]);
      expect(fields).toHaveBeenCalledTimes(1);
    }
  });

  it("is used also if its fields() throws", () => {
    const source = sourceOf({ fields: thrower });
    expect([source.fields, inject(source, ROOT_CONTEXT)]).toEqual([[], { b3: "1" }]);
    expect(told()).toEqual(["the propagator's fields() threw; the request goes on without it"]);
  });
});

describe("what a propagator writes", () => {
  it.each<[string, unknown, boolean]>([
    ["x-a", "visible text,\tand é", true],
    ["x-a", "", true],
    ["x-a", "two\nlines", false],
    ["x-a", "\0", false],
    ["x-a", "日本", false],
    ["x-a", `${"a".repeat(54)}\n`, false],
    ["x-a", 7, false],
    ["x-a", undefined, false],
    ["traceparent", `${TRACEPARENT}-more`, true],
    ["traceparent", `${TRACEPARENT}\n`, false],
    ["traceparent", 7, false],
  ])("becomes a header only if a client takes it: %s, %j", (name, value, written) => {
    const source = sourceOf({ inject: (_context, carrier, setter) => setter.set(carrier, name, value as string) });
    expect(inject(source, ROOT_CONTEXT)).toEqual(written ? { [name]: value } : {});
    expect(told()).toEqual([]);
  });

  it.each<[string, TextMapPropagator["inject"]]>([
    ["throws", thrower],
    ["rejects", () => Promise.reject(new Error("broken")) as never],
  ])("before it %s is sent, and diag is told", async (_, writeAndFail) => {
    const source = sourceOf({
      inject: (given, carrier, setter) => {
        setter.set(carrier, "b3", "1");
        return writeAndFail(given, carrier, setter);
      },
    });
    expect(inject(source, TRACED)).toEqual({ b3: "1" });
    await Promise.resolve();
    expect(told()).toEqual(["the propagator's inject() threw; the request goes on without it"]);
  });

  it("of the random flag of a trace concerns no other format, and no context without a trace", () => {
    const random = extract(w3c(), { traceparent: TRACEPARENT.replace(/01$/, "03") }, ROOT_CONTEXT);
    expect(inject(w3c(), random)).toEqual({ traceparent: TRACEPARENT.replace(/01$/, "03") });
    expect(inject(sourceOf({}), random)).toEqual({ b3: "1" });
    expect(inject(w3c(), propagation.setBaggage(ROOT_CONTEXT, BAGGAGE))).toEqual({ baggage: "user=1" });
  });
});

describe("a propagator that writes nothing", () => {
  const injectMock = vi.fn<TextMapPropagator["inject"]>();
  beforeEach(() => {
    injectMock.mockReset();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });

  it("but of the active context is asked there, and from then on only there", () => {
    injectMock.mockImplementation((given, carrier, setter) => {
      if (given === context.active()) setter.set(carrier, "sentry-trace", trace.getSpanContext(given)?.spanId ?? "");
    });
    const source = sourceOf({ inject: injectMock });
    expect(inject(source, TRACED)).toEqual({ "sentry-trace": SPAN.spanId });
    expect(injectMock).toHaveBeenCalledTimes(2);
    const other = trace.setSpanContext(ROOT_CONTEXT, OTHER_SPAN);
    expect(inject(source, other)).toEqual({ "sentry-trace": OTHER_SPAN.spanId });
    expect(injectMock).toHaveBeenCalledTimes(3);
    expect(source.activeOnly).toBe(true);
  });

  it("of the active context either is not taken for one that writes of that alone", () => {
    const source = sourceOf({ inject: injectMock });
    expect([inject(source, TRACED), source.activeOnly]).toEqual([{}, undefined]);
    injectMock.mockImplementation((given, carrier, setter) => {
      if (given !== context.active()) setter.set(carrier, "b3", "1");
    });
    expect(inject(source, TRACED)).toEqual({ b3: "1" });
  });

  it.each<[string, Context]>([
    ["no span", ROOT_CONTEXT],
    ["a span that is none", trace.setSpanContext(ROOT_CONTEXT, INVALID_SPAN_CONTEXT)],
    ["a suppressed span", suppressTracing(TRACED)],
  ])("is not asked again where there is %s to write of", (_, given) => {
    expect(inject(sourceOf({ inject: injectMock }), given)).toEqual({});
    expect(injectMock).toHaveBeenCalledTimes(1);
  });

  it("of W3C Trace Context, but of its own format, is not asked again", () => {
    injectMock.mockImplementation((_context, carrier, setter) => setter.set(carrier, "b3", "1"));
    expect(inject(sourceOf({ inject: injectMock }), TRACED)).toEqual({ b3: "1" });
    expect(injectMock).toHaveBeenCalledTimes(1);
  });
});

describe("what came in", () => {
  it("is read by any letter case, and as it is, but for baggage that cannot be decoded", () => {
    const read: unknown[] = [];
    const source = sourceOf({
      extract: (given, carrier, getter) => {
        for (const name of ["Tracestate", "BAGGAGE", "X-None"]) read.push(getter.get(carrier, name));
        read.push(getter.keys(carrier));
        return given;
      },
    });
    expect(extract(source, { tracestate: "a=%zz,b=1", baggage: "a=%zz,b=1" }, TRACED)).toBe(TRACED);
    expect(extract(source, { tracestate: "a=%zz" }, TRACED)).toBe(TRACED);
    const first = ["a=%zz,b=1", "b=1", undefined, ["tracestate", "baggage"]];
    expect(read).toEqual([...first, "a=%zz", undefined, undefined, ["tracestate"]]);
    expect(told()).toEqual([]);
  });

  it.each<[string, Record<string, string>]>([
    ["no traceparent", { tracestate: "x=1", baggage: "user=1" }],
    ["one that cannot be read", { traceparent: "nonsense", tracestate: "x=1", baggage: "user=1" }],
    ["one of version ff", { traceparent: `ff-${TRACEPARENT.slice(3)}`, tracestate: "x=1", baggage: "user=1" }],
  ])("with %s leaves the span that is there, and costs no baggage", (_, headers) => {
    for (const base of [ROOT_CONTEXT, trace.setSpanContext(ROOT_CONTEXT, OTHER_SPAN)]) {
      const extracted = extract(w3c(), headers, base);
      expect(trace.getSpan(extracted)).toBe(trace.getSpan(base));
      expect(propagation.getBaggage(extracted)?.getEntry("user")).toMatchObject({ value: "1" });
    }
  });

  it.each<[string, string | undefined]>([
    ["a=1,b=2", "a=1,b=2"],
    ["0a=1,foo@@bar=2", "0a=1,foo@@bar=2"],
    ["a=1,B=2", undefined],
  ])("as the tracestate %s is of Trace Context level 2: %s goes on", (tracestate, kept) => {
    for (const flags of ["01", "03"]) {
      const extracted = extract(w3c(), { traceparent: TRACEPARENT.replace(/01$/, flags), tracestate }, ROOT_CONTEXT);
      const { traceState, ...rest } = trace.getSpanContext(extracted)!;
      expect(traceState?.serialize()).toBe(kept);
      expect(rest).toEqual({ ...SPAN, traceFlags: Number(flags), isRemote: true });
    }
  });
});

const x = (length: number): string => "x".repeat(length);
it.each<[string, Record<string, string>, Record<string, string> | undefined]>([
  ["a traceparent of 256 characters is kept", { traceparent: x(256) }, undefined],
  [
    "a longer one does not count",
    { traceparent: `${x(100)},${x(156)}`, tracestate: "k=1" },
    { traceparent: "", tracestate: "k=1" },
  ],
  ["a list of 8192 characters is kept", { baggage: `a=1,${x(8188)}` }, undefined],
  ["of a longer one the members that fit are", { baggage: `a=1,b=2,${x(8185)}`, b3: "1" }, { baggage: "a=1,b=2", b3: "1" }],
  ["members that fit exactly are", { tracestate: `${x(8192)},b=1` }, { tracestate: x(8192) }],
  ["of one member that is too long nothing is", { tracestate: x(8193) }, { tracestate: "" }],
  ["each is cut by itself", { traceparent: x(257), baggage: `a=1,${x(8192)}` }, { traceparent: "", baggage: "a=1" }],
])("received headers are bounded: %s", (_, headers, expected) => {
  const given = Object.freeze({ ...headers });
  expect(truncateHeaders(given)).toEqual(expected ?? headers);
  expect(truncateHeaders(given) === given).toBe(expected === undefined);
});

it.each<[string[], readonly string[], string[]]>([
  [["traceparent"], ALL, ["traceparent", "tracestate"]],
  [["traceparent", "baggage"], ALL, ALL],
  [["baggage"], ALL, ["baggage"]],
  [[], ALL, []],
  [["baggage"], [], []],
  [["b3"], ["b3", "x-b3-traceid"], ["b3", "x-b3-traceid"]],
])("headers of the names %j, of %j that may be there, replace %j", (names, fields, replaced) => {
  const headers = Object.fromEntries(names.map((name) => [name, "1"]));
  expect(replacedNames(headers, fields)).toEqual(replaced);
});

it("a context has something to propagate if it has a span or baggage", () => {
  const contexts = [ROOT_CONTEXT, TRACED, propagation.setBaggage(ROOT_CONTEXT, BAGGAGE), propagation.setBaggage(TRACED, BAGGAGE)];
  expect(contexts.map(hasContext)).toEqual([false, true, true, true]);
});
