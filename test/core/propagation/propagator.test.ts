import { INVALID_SPAN_CONTEXT, ROOT_CONTEXT, TraceFlags, context, propagation, trace } from "@opentelemetry/api";
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
import { recordDiagnostics } from "../../support/diagnostics.ts";
import type { DiagnosticsRecorder } from "../../support/diagnostics.ts";
import { clearGlobals } from "../../support/telemetry.ts";

const SPAN = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: TraceFlags.SAMPLED };
const OTHER_SPAN = { ...SPAN, spanId: "00f067aa0ba902b7" };
const TRACEPARENT = `00-${SPAN.traceId}-${SPAN.spanId}-01`;
const TRACED = trace.setSpanContext(ROOT_CONTEXT, SPAN);
const BAGGAGE = propagation.createBaggage({ user: { value: "1" } });
const ALL = ["traceparent", "tracestate", "baggage"];

let diagnostics: DiagnosticsRecorder;
const thrower = (): never => {
  throw new Error("broken");
};

beforeEach(() => {
  clearGlobals();
  diagnostics = recordDiagnostics();
});
afterEach(() => {
  clearGlobals();
  vi.unstubAllEnvs();
});

/** Reads baggage like the propagator of @opentelemetry/core before 2.3, which throws if a member cannot be decoded. */
const strict: TextMapPropagator = {
  fields: () => ["baggage"],
  inject: () => {},
  extract: (base, carrier, getter) => {
    const members = String(getter.get(carrier, "baggage")).split(",");
    const entries = members.map((member) => member.split("=").map(decodeURIComponent));
    return propagation.setBaggage(
      base,
      propagation.createBaggage(Object.fromEntries(entries.map(([key, value]) => [key, { value }]))),
    );
  },
};

/** A propagator with a format of its own. */
const propagatorOf = (own: Partial<TextMapPropagator>): TextMapPropagator => ({
  inject: (_context, carrier, setter) => setter.set(carrier, "b3", "1"),
  extract: (given) => given,
  fields: () => ["b3"],
  ...own,
});
const sourceOf = (own: Partial<TextMapPropagator>): Propagation => propagationSource(propagatorOf(own))()!;
const w3c = (): Propagation => propagationSource(undefined)()!;

describe("propagationSource()", () => {
  it.each<[string | undefined, object | undefined]>([
    [undefined, { traceparent: TRACEPARENT, baggage: "user=1" }],
    ["none", undefined],
  ])("uses the global propagator or, if there is none, what OTEL_PROPAGATORS=%s selects", (names, w3cHeaders) => {
    vi.stubEnv("OTEL_PROPAGATORS", names);
    const find = propagationSource(undefined);
    const headers = (): object | undefined => {
      const source = find();
      return source && inject(source, propagation.setBaggage(TRACED, BAGGAGE));
    };
    expect(find()?.fields).toEqual(w3cHeaders && ALL);
    expect(headers()).toEqual(w3cHeaders);
    propagation.setGlobalPropagator(propagatorOf({}));
    expect(find()?.fields).toEqual(["b3"]);
    expect(headers()).toEqual({ b3: "1" });
    propagation.disable();
    expect(find()?.fields).toEqual(w3cHeaders && ALL);
    expect(headers()).toEqual(w3cHeaders);
  });

  it.each<[string, object | undefined]>([
    ["tracecontext", { traceparent: TRACEPARENT }],
    ["baggage", { baggage: "user=1" }],
    [" baggage , tracecontext,", { traceparent: TRACEPARENT, baggage: "user=1" }],
    ["b3,tracecontext", { traceparent: TRACEPARENT }],
    ["b3", undefined],
    ["tracecontext,none", undefined],
  ])("injects only what OTEL_PROPAGATORS=%s names if no propagator is registered", (names, headers) => {
    vi.stubEnv("OTEL_PROPAGATORS", names);
    const source = propagationSource(undefined)();
    expect(source && inject(source, propagation.setBaggage(TRACED, BAGGAGE))).toEqual(headers);
  });

  it("logs once that a name in OTEL_PROPAGATORS is not supported", () => {
    vi.stubEnv("OTEL_PROPAGATORS", "ottrace,baggage");
    for (let i = 0; i < 2; i++) propagationSource(undefined)();
    expect(diagnostics.messages("warn")).toEqual([
      'OTEL_PROPAGATORS: "ottrace" is skipped, because only tracecontext, baggage and none are supported without an SDK',
    ]);
  });

  it("returns the same object until another global propagator is registered", () => {
    const find = propagationSource(undefined);
    const found = [["b3"], ["uber-trace-id", "b3"]].map((names) => {
      propagation.disable();
      propagation.setGlobalPropagator(propagatorOf({ fields: () => [...names] }));
      const first = find();
      expect(first?.fields).toEqual(names);
      expect(find()).toBe(first);
      return first;
    });
    expect(new Set(found).size).toBe(2);
  });

  it("uses a propagator whose fields() throws", () => {
    const source = sourceOf({ fields: thrower });
    expect(source.fields).toEqual([]);
    expect(inject(source, ROOT_CONTEXT)).toEqual({ b3: "1" });
    expect(diagnostics.messages("error")).toEqual(["the propagator's fields() threw; the request goes on without it"]);
  });
});

describe("inject()", () => {
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
  ])("keeps only values that clients accept: %s, %j", (name, value, written) => {
    const source = sourceOf({ inject: (_context, carrier, setter) => setter.set(carrier, name, value as string) });
    expect(inject(source, ROOT_CONTEXT)).toEqual(written ? { [name]: value } : {});
    expect(diagnostics.messages("error")).toEqual([]);
  });

  it.each<[string, TextMapPropagator["inject"]]>([
    ["throws", thrower],
    ["rejects", () => Promise.reject(new Error("broken")) as never],
  ])("sends what a propagator wrote before it %s and logs the error", async (_, writeAndFail) => {
    const source = sourceOf({
      inject: (given, carrier, setter) => {
        setter.set(carrier, "b3", "1");
        return writeAndFail(given, carrier, setter);
      },
    });
    expect(inject(source, TRACED)).toEqual({ b3: "1" });
    await Promise.resolve();
    expect(diagnostics.messages("error")).toEqual(["the propagator's inject() threw; the request goes on without it"]);
  });

  it("writes the random flag only in the W3C format and only for a context with a trace", () => {
    const random = extract(w3c(), { traceparent: TRACEPARENT.replace(/01$/, "03") }, ROOT_CONTEXT);
    expect(inject(w3c(), random)).toEqual({ traceparent: TRACEPARENT.replace(/01$/, "03") });
    expect(inject(sourceOf({}), random)).toEqual({ b3: "1" });
    expect(inject(w3c(), propagation.setBaggage(ROOT_CONTEXT, BAGGAGE))).toEqual({ baggage: "user=1" });
  });
});

describe("inject() with a propagator that writes only for the active context", () => {
  const injectMock = vi.fn<TextMapPropagator["inject"]>();
  beforeEach(() => {
    injectMock.mockReset();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });

  it("calls it in the active context, and only there from then on", () => {
    injectMock.mockImplementation((given, carrier, setter) => {
      if (given === context.active()) setter.set(carrier, "sentry-trace", trace.getSpanContext(given)?.spanId ?? "");
    });
    const source = sourceOf({ inject: injectMock });
    expect(inject(source, TRACED)).toEqual({ "sentry-trace": SPAN.spanId });
    expect(injectMock).toHaveBeenCalledTimes(2);
    const other = trace.setSpanContext(ROOT_CONTEXT, OTHER_SPAN);
    expect(inject(source, other)).toEqual({ "sentry-trace": OTHER_SPAN.spanId });
    expect(injectMock).toHaveBeenCalledTimes(3);
    expect(source.injectsActiveOnly).toBe(true);
  });

  it("does not assume so of a propagator that wrote nothing for the active context either", () => {
    const source = sourceOf({ inject: injectMock });
    expect(inject(source, TRACED)).toEqual({});
    expect(source.injectsActiveOnly).toBeUndefined();
    injectMock.mockImplementation((given, carrier, setter) => {
      if (given !== context.active()) setter.set(carrier, "b3", "1");
    });
    expect(inject(source, TRACED)).toEqual({ b3: "1" });
  });

  it.each<[string, Context]>([
    ["no span", ROOT_CONTEXT],
    ["an invalid span", trace.setSpanContext(ROOT_CONTEXT, INVALID_SPAN_CONTEXT)],
    ["a suppressed span", suppressTracing(TRACED)],
  ])("does not call it again for a context with %s", (_, given) => {
    expect(inject(sourceOf({ inject: injectMock }), given)).toEqual({});
    expect(injectMock).toHaveBeenCalledTimes(1);
  });

  it("does not call a propagator again that wrote its own format", () => {
    injectMock.mockImplementation((_context, carrier, setter) => setter.set(carrier, "b3", "1"));
    expect(inject(sourceOf({ inject: injectMock }), TRACED)).toEqual({ b3: "1" });
    expect(injectMock).toHaveBeenCalledTimes(1);
  });
});

describe("extract()", () => {
  it("reads names in any letter case and values unchanged except baggage that cannot be decoded", () => {
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
    expect(diagnostics.messages("error")).toEqual([]);
  });

  it.each([
    ["a=1,b=%E0%A4%A,c=%C3%A4", { a: "1", c: "ä" }],
    ["a=1,%zz=2", { a: "1" }],
    ["a=100%25,c=%C3%A4", { a: "100%", c: "ä" }],
    ["a=1,c=2", { a: "1", c: "2" }],
  ])("drops only the members of the baggage %s that cannot be decoded", (baggage, expected) => {
    const source = propagationSource(strict)();
    const extracted = extract(source!, { baggage }, ROOT_CONTEXT);
    const entries = propagation.getBaggage(extracted)?.getAllEntries() ?? [];
    expect(Object.fromEntries(entries.map(([key, { value }]) => [key, value]))).toEqual(expected);
  });

  it.each<[string, Record<string, string>]>([
    ["no traceparent", { tracestate: "x=1", baggage: "user=1" }],
    ["an invalid traceparent", { traceparent: "nonsense", tracestate: "x=1", baggage: "user=1" }],
    ["a traceparent of version ff", { traceparent: `ff-${TRACEPARENT.slice(3)}`, tracestate: "x=1", baggage: "user=1" }],
  ])("keeps the span of the context and reads the baggage for %s", (_, headers) => {
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
  ])("reads the tracestate %s by Trace Context level 2 as %s", (tracestate, kept) => {
    for (const flags of ["01", "03"]) {
      const extracted = extract(w3c(), { traceparent: TRACEPARENT.replace(/01$/, flags), tracestate }, ROOT_CONTEXT);
      const { traceState, ...rest } = trace.getSpanContext(extracted)!;
      expect(traceState?.serialize()).toBe(kept);
      expect(rest).toEqual({ ...SPAN, traceFlags: Number(flags), isRemote: true });
    }
  });
});

describe("extract()", () => {
  it("passes at most 8192 characters of a received header to the propagator, whatever its length", () => {
    const lengths: number[] = [];
    const source = sourceOf({
      fields: () => ["baggage", "b3"],
      extract: (base, carrier, getter) => {
        for (const name of getter.keys(carrier)) lengths.push(String(getter.get(carrier, name)).length);
        return base;
      },
    });
    const megabytes = "key=value%20,".repeat(400_000);
    extract(source, { baggage: megabytes, b3: megabytes }, ROOT_CONTEXT);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(8192);
    expect(lengths).toHaveLength(2);
  });
});

describe("truncateHeaders()", () => {
  const x = (length: number): string => "x".repeat(length);
  it.each<[string, Record<string, string>, Record<string, string> | undefined]>([
    ["keeps a traceparent of 256 characters", { traceparent: x(256) }, undefined],
    [
      "discards a longer traceparent",
      { traceparent: `${x(100)},${x(156)}`, tracestate: "k=1" },
      { traceparent: "", tracestate: "k=1" },
    ],
    ["keeps a list of 8192 characters", { baggage: `a=1,${x(8188)}` }, undefined],
    ["keeps the members of a longer list that fit", { baggage: `a=1,b=2,${x(8185)}`, b3: "1" }, { baggage: "a=1,b=2", b3: "1" }],
    ["keeps members that fit exactly", { tracestate: `${x(8192)},b=1` }, { tracestate: x(8192) }],
    ["discards a single member that is too long", { tracestate: x(8193) }, { tracestate: "" }],
    ["truncates each header on its own", { traceparent: x(257), baggage: `a=1,${x(8192)}` }, { traceparent: "", baggage: "a=1" }],
  ])("%s", (_, headers, expected) => {
    const given = Object.freeze({ ...headers });
    expect(truncateHeaders(given)).toEqual(expected ?? headers);
    expect(truncateHeaders(given) === given).toBe(expected === undefined);
  });
});

describe("replacedNames()", () => {
  it.each<[string[], readonly string[], string[]]>([
    [["traceparent"], ALL, ["traceparent", "tracestate"]],
    [["traceparent", "baggage"], ALL, ALL],
    [["baggage"], ALL, ["baggage"]],
    [[], ALL, []],
    [["baggage"], [], []],
    [["b3"], ["b3", "x-b3-traceid"], ["b3", "x-b3-traceid"]],
  ])("replaces for the headers %j, of the fields %j, %j", (names, fields, replaced) => {
    const headers = Object.fromEntries(names.map((name) => [name, "1"]));
    expect(replacedNames(headers, fields)).toEqual(replaced);
  });
});

describe("hasContext()", () => {
  it.each([
    ["nothing", false, ROOT_CONTEXT],
    ["a span", true, TRACED],
    ["baggage", true, propagation.setBaggage(ROOT_CONTEXT, BAGGAGE)],
    ["a span and baggage", true, propagation.setBaggage(TRACED, BAGGAGE)],
  ])("for a context with %s is %s", (_, expected, given) => {
    expect(hasContext(given)).toBe(expected);
  });
});
