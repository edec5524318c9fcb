import { ROOT_CONTEXT, context, propagation, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { continueTrace, extractTraceContext, injectTraceContext } from "../src/index.ts";
import type { ReadableCarrier, WritableCarrier } from "../src/index.ts";
import { inSpan, startTelemetry, traceparentOf } from "./support/telemetry.ts";
import type { TestTelemetry } from "./support/telemetry.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID = "00f067aa0ba902b7";
const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;
const STORED = { traceparent: TRACEPARENT, tracestate: "vendor=1", baggage: "who=alice,of=%C3%A4" };
const SOURCE: Context = extractTraceContext(STORED, ROOT_CONTEXT);

let telemetry: TestTelemetry;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(() => telemetry.stop());

/** Trace context and baggage of a context. */
function carried(from: Context): object {
  const { traceId, spanId, isRemote, traceState } = trace.getSpanContext(from) ?? {};
  const baggage = propagation.getBaggage(from)?.getAllEntries() ?? [];
  return {
    traceId,
    spanId,
    isRemote,
    state: traceState?.serialize(),
    baggage: baggage.map(([key, { value }]) => `${key}=${value}`),
  };
}
const ALL = { traceId: TRACE_ID, spanId: SPAN_ID, isRemote: true, state: "vendor=1", baggage: ["who=alice", "of=ä"] };
const NOTHING = { traceId: undefined, spanId: undefined, isRemote: undefined, state: undefined, baggage: [] };

const BEFORE: [string, string][] = [
  ["TraceParent", "old"],
  ["TRACESTATE", "old=1"],
  ["Baggage", "old=1"],
  ["x-other", "kept"],
];
const AFTER = { ...STORED, "x-other": "kept" };

describe("injectTraceContext()", () => {
  it("injects the active context into a new record by default", async () => {
    expect(context.with(SOURCE, () => injectTraceContext())).toEqual(STORED);
    expect(injectTraceContext()).toEqual({});
    const own = await inSpan("work", () => injectTraceContext());
    expect(own).toEqual({ traceparent: traceparentOf(telemetry.spans()[0] as never) });
  });

  it.each<[string, WritableCarrier]>([
    ["a record", Object.fromEntries(BEFORE)],
    ["a record without a prototype", Object.assign(Object.create(null) as object, Object.fromEntries(BEFORE))],
    ["Headers", new Headers(BEFORE)],
    ["a Map", new Map(BEFORE)],
    ["an array of pairs", BEFORE.map(([name, value]): [string, string] => [name, value])],
  ])("replaces existing headers of any letter case in %s and returns it", (_, carrier) => {
    expect(injectTraceContext(carrier, SOURCE)).toBe(carrier);
    const written = Symbol.iterator in carrier ? Object.fromEntries(carrier as Iterable<[string, string]>) : { ...carrier };
    expect(written).toEqual(AFTER);
    expect(carried(extractTraceContext(carrier, ROOT_CONTEXT))).toEqual(ALL);
  });

  it.each<[string, WritableCarrier]>([
    ["a record", {}],
    ["Headers", new Headers()],
    ["a Map", new Map()],
    ["an array", []],
  ])("injects into %s that is empty", (_, carrier) => {
    expect(carried(extractTraceContext(injectTraceContext(carrier, SOURCE), ROOT_CONTEXT))).toEqual(ALL);
  });

  it("removes an old tracestate if the trace has none", () => {
    const bare = extractTraceContext({ traceparent: TRACEPARENT }, ROOT_CONTEXT);
    expect(injectTraceContext({ Tracestate: "old=1", traceparent: "old" }, bare)).toEqual({ traceparent: TRACEPARENT });
  });

  it("injects headers that survive JSON", () => {
    const stored = JSON.stringify(injectTraceContext({}, SOURCE));
    expect(carried(extractTraceContext(JSON.parse(stored) as object, ROOT_CONTEXT))).toEqual(ALL);
  });

  it("returns a carrier that is not writable unchanged", () => {
    for (const carrier of [Object.freeze({}), Object.freeze([]), null, 1, new WeakSet()]) {
      expect(injectTraceContext(carrier as never, SOURCE)).toBe(carrier);
    }
  });

  it.each(["03", "10", "ff"])("forwards the flags %s in a valid traceparent", (flags) => {
    const source = extractTraceContext({ traceparent: TRACEPARENT.replace(/01$/, flags) }, ROOT_CONTEXT);
    const { traceparent = "" } = injectTraceContext({}, source) as Record<string, string>;
    expect(traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-${SPAN_ID}-[\\da-f]{2}$`));
    expect(Number.parseInt(traceparent.slice(-2), 16) & 1).toBe(Number.parseInt(flags, 16) & 1);
  });
});

const thrower = (): never => {
  throw new Error("thrown by the carrier");
};

describe("extractTraceContext()", () => {
  it.each<[string, ReadableCarrier]>([
    ["a record", STORED],
    [
      "a frozen record in other letter case",
      Object.freeze({ TraceParent: TRACEPARENT, TRACESTATE: "vendor=1", Baggage: STORED.baggage }),
    ],
    ["IncomingHttpHeaders with a list", { ...STORED, baggage: STORED.baggage.split(","), "set-cookie": ["a", "b"] }],
    ["Headers", new Headers(STORED)],
    ["a Map", new Map([["Traceparent", TRACEPARENT], ...Object.entries(STORED).slice(1)])],
    ["an array of pairs", Object.entries(STORED)],
    ["pairs with baggage in two", [...Object.entries(STORED).slice(0, 2), ["baggage", "who=alice"], ["Baggage", "of=%C3%A4"]]],
  ])("extracts from %s", (_, carrier) => {
    expect(carried(extractTraceContext(carrier, ROOT_CONTEXT))).toEqual(ALL);
  });

  it("extends the active context by default, or the given one", () => {
    const key = Symbol("key");
    const base = ROOT_CONTEXT.setValue(key, "kept");
    expect(context.with(base, () => extractTraceContext(STORED)).getValue(key)).toBe("kept");
    expect(extractTraceContext(STORED, base).getValue(key)).toBe("kept");
  });

  it.each<[string, ReadableCarrier]>([
    ["null", null],
    ["undefined", undefined],
    ["an empty record", {}],
    ["a broken traceparent", { traceparent: "00-nonsense", tracestate: "vendor=1" }],
    [
      "two traceparents",
      [
        ["traceparent", TRACEPARENT],
        ["Traceparent", TRACEPARENT],
      ],
    ],
    ["a list of two", { traceparent: [TRACEPARENT, TRACEPARENT] }],
    ["values of other types", { traceparent: 1, tracestate: {}, baggage: Symbol("x") }],
  ])("extracts nothing from %s", (_, carrier) => {
    expect(carried(extractTraceContext(carrier, ROOT_CONTEXT))).toEqual(NOTHING);
    expect(carried(extractTraceContext(carrier, SOURCE))).toEqual(ALL);
  });

  it.each<[string, object]>([
    ["a proxy that throws", new Proxy({}, { get: thrower, ownKeys: thrower, has: thrower, getPrototypeOf: thrower, set: thrower })],
    ["a getter that throws", Object.defineProperty({}, "traceparent", { enumerable: true, get: thrower, set: thrower })],
    ["a get() that throws", { get: thrower, set: thrower, delete: thrower, [Symbol.iterator]: thrower }],
    ["a value whose toString() throws", [[{ toString: thrower }, { toString: thrower }]]],
    ["a revoked proxy", revoked()],
  ])("does not throw, nor does injecting, for %s", (_, carrier) => {
    expect(extractTraceContext(carrier, SOURCE)).toBe(SOURCE);
    expect(injectTraceContext(carrier, SOURCE) === carrier).toBe(true);
  });

  it("does not throw, nor does injecting, for any carrier", () => {
    const name = fc.oneof(fc.constantFrom("traceparent", "Traceparent", "baggage", "get", "constructor", "__proto__"), fc.string());
    const value = fc.oneof(fc.constantFrom<unknown>(TRACEPARENT, null, undefined, 7), fc.string(), fc.array(fc.string()));
    const record = fc.dictionary(name, value);
    const carrier = fc.oneof(
      fc.anything({ withMap: true, withSet: true, withNullPrototype: true, withTypedArray: true }),
      record,
      record.map((entries) => Object.freeze(entries)),
      fc.array(fc.tuple(name, value)),
      fc.array(name),
    );
    fc.assert(
      fc.property(carrier, (given) => {
        expect(typeof extractTraceContext(given as ReadableCarrier, SOURCE).getValue).toBe("function");
        const written = injectTraceContext(given as WritableCarrier, SOURCE);
        expect(Object.is(written, given) || given === undefined).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe("a received header of several megabytes", () => {
  const megabytes = Array.from({ length: 400_000 }, (_, i) => `key${i}=value`).join(",");
  const membersOf = (extracted: Context): string[] =>
    propagation
      .getBaggage(extracted)
      ?.getAllEntries()
      .map(([key]) => key) ?? [];

  it("is truncated to the members that fit in 8192 characters", () => {
    const members = membersOf(extractTraceContext({ traceparent: TRACEPARENT, baggage: megabytes }, ROOT_CONTEXT));
    expect(members.slice(0, 2)).toEqual(["key0", "key1"]);
    expect(members.length).toBeLessThan(8192 / "key0=value,".length);
  });

  it("is truncated for continueTrace() too", () => {
    const members = continueTrace({ baggage: megabytes }, () => membersOf(context.active()));
    expect(members.length).toBeLessThan(8192 / "key0=value,".length);
  });

  it("is ignored as a traceparent", () => {
    const extracted = extractTraceContext({ traceparent: `${TRACEPARENT}-${"x".repeat(4e6)}` }, ROOT_CONTEXT);
    expect(trace.getSpanContext(extracted)).toBeUndefined();
  });
});
