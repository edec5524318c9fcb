import { ROOT_CONTEXT, context, propagation, trace } from "@opentelemetry/api";
import type { Context, TextMapPropagator } from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator, suppressTracing } from "@opentelemetry/core";
import { EnvironmentGetter, EnvironmentSetter } from "@opentelemetry/propagator-env-carrier";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { extractEnvironment, injectEnvironment, injectTraceContext } from "../src/index.ts";
import type * as environment from "../src/environment.ts";
import { variableName } from "../src/core/propagation/environment-carrier.ts";
import { recordDiagnostics } from "./support/diagnostics.ts";
import { clearGlobals, inSpan, startTelemetry, traceparentOf } from "./support/telemetry.ts";
import type { TestTelemetry } from "./support/telemetry.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID = "00f067aa0ba902b7";
const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;
const VARIABLES = { TRACEPARENT, TRACESTATE: "vendor=1", BAGGAGE: "who=alice,of=%C3%A4" };
const HEADERS = { traceparent: TRACEPARENT, tracestate: "vendor=1", baggage: "who=alice,of=%C3%A4" };

let telemetry: TestTelemetry;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  await telemetry.stop();
});

/** What a context would send in headers. */
const carried = (from: Context): Record<string, string> => injectTraceContext<Record<string, string>>({}, from);
const stored = (): Context => extractEnvironment(VARIABLES, ROOT_CONTEXT);

/** The functions in a process without an SDK, with a value of `OTEL_PROPAGATORS`. */
async function importWithout(propagators: string | undefined): Promise<typeof environment> {
  clearGlobals();
  vi.stubEnv("OTEL_PROPAGATORS", propagators);
  vi.resetModules();
  return import("../src/environment.ts");
}

const OFFICIAL = new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] });

/** Writes and reads one header of any name. */
const propagatorOf = (header: string): TextMapPropagator => ({
  fields: () => [header],
  inject: (_context, carrier, setter) => setter.set(carrier, header, "value"),
  extract: (base, carrier, getter) => {
    const value = getter.get(carrier, header);
    return base.setValue(KEY, { value, keys: getter.keys(carrier) });
  },
});
const KEY = Symbol("read");

describe("the names of variables", () => {
  it.each([
    ["traceparent", "TRACEPARENT"],
    ["x-b3-traceid", "X_B3_TRACEID"],
    ["1abc", "_1ABC"],
    ["", "_"],
    ["ß-é", "___"],
  ])("are normalised: %j is %s", (header, variable) => {
    expect(variableName(header)).toBe(variable);
  });

  it("are those of @opentelemetry/propagator-env-carrier, for any name", () => {
    const official = (header: string): string => {
      const env: Record<string, string> = {};
      new EnvironmentSetter(env).set(undefined, header, "value");
      return Object.keys(env)[0] as string;
    };
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (header) => {
        expect(variableName(header)).toBe(official(header));
      }),
    );
  });
});

describe("injectEnvironment()", () => {
  it("returns a copy of process.env with the active context, and does not change process.env", async () => {
    vi.stubEnv("A2A_OTEL_TEST", "kept");
    const env = await inSpan("work", () => injectEnvironment());
    expect(env).toEqual({ ...process.env, TRACEPARENT: traceparentOf(telemetry.spans()[0] as never) });
    expect(process.env).not.toHaveProperty("TRACEPARENT");
  });

  it("writes trace context and baggage of the given context into a copy of the given environment", () => {
    const given = Object.freeze({ PATH: "/bin", EMPTY: "", UNSET: undefined });
    expect(injectEnvironment(given, stored())).toEqual({ PATH: "/bin", EMPTY: "", ...VARIABLES });
  });

  it("writes what EnvironmentSetter writes", () => {
    const official: Record<string, string> = { PATH: "/bin" };
    OFFICIAL.inject(stored(), undefined, new EnvironmentSetter(official));
    expect(injectEnvironment({ PATH: "/bin" }, stored())).toEqual(official);
  });

  it.each<[string, Context]>([
    ["an empty context", ROOT_CONTEXT],
    [
      "a context in which tracing is suppressed",
      suppressTracing(trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1 })),
    ],
  ])("removes the variables of this process's own parent for %s", (_, from) => {
    expect(injectEnvironment({ PATH: "/bin", ...VARIABLES, traceparent: "old" }, from)).toEqual({ PATH: "/bin" });
  });

  it("removes tracestate and baggage that the context does not have", () => {
    const bare = trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1 });
    expect(injectEnvironment(VARIABLES, bare)).toEqual({ TRACEPARENT });
  });

  it("removes all of them with OTEL_PROPAGATORS=none", async () => {
    const from = stored();
    const unpropagated = await importWithout("none");
    expect(unpropagated.injectEnvironment({ PATH: "/bin", ...VARIABLES }, from)).toEqual({ PATH: "/bin" });
  });

  it("uses both W3C formats without an SDK", async () => {
    const from = stored();
    const { injectEnvironment: inject } = await importWithout(undefined);
    expect(inject({}, from)).toEqual(VARIABLES);
  });

  it("uses the variables of another propagator, and removes those of W3C", () => {
    propagation.disable();
    propagation.setGlobalPropagator(propagatorOf("x-b3-traceid"));
    const env = { PATH: "/bin", ...VARIABLES, X_B3_TRACEID: "old" };
    expect(injectEnvironment(env)).toEqual({ PATH: "/bin", X_B3_TRACEID: "value" });
  });

  it("omits values that cannot be part of an environment", () => {
    propagation.disable();
    propagation.setGlobalPropagator({
      ...propagatorOf("bad"),
      inject: (_context, carrier, setter) => setter.set(carrier, "bad", "a\0b"),
    });
    expect(injectEnvironment({})).toEqual({});
  });

  it("returns an empty environment without process, and where it cannot be read", () => {
    const diagnostics = recordDiagnostics();
    const unreadable = new Proxy({}, { ownKeys: () => { throw new Error("denied"); } }); // prettier-ignore
    expect(injectEnvironment(unreadable, ROOT_CONTEXT)).toEqual({});
    expect(diagnostics.messages("error").join()).toContain("reading the environment");
    vi.stubGlobal("process", undefined);
    expect(injectEnvironment(undefined, stored())).toEqual(VARIABLES);
  });
});

describe("extractEnvironment()", () => {
  it("reads process.env into the active context by default", () => {
    for (const [name, value] of Object.entries(VARIABLES)) vi.stubEnv(name, value);
    const key = Symbol("key");
    const base = ROOT_CONTEXT.setValue(key, "kept");
    const extracted = context.with(base, () => extractEnvironment());
    expect(carried(extracted)).toEqual(HEADERS);
    expect(extracted.getValue(key)).toBe("kept");
    expect(trace.getSpanContext(extracted)?.isRemote).toBe(true);
  });

  it("reads what injectEnvironment() has written", () => {
    expect(carried(extractEnvironment(injectEnvironment({}, stored()), ROOT_CONTEXT))).toEqual(HEADERS);
  });

  it.each<[string, Record<string, string>]>([
    ["valid", VARIABLES],
    ["empty", { TRACEPARENT: "", TRACESTATE: "", BAGGAGE: "" }],
    ["invalid", { TRACEPARENT: `${TRACEPARENT}-extra`, TRACESTATE: "=,", BAGGAGE: "%" }],
    ["all zero", { TRACEPARENT: `00-${"0".repeat(32)}-${"0".repeat(16)}-01` }],
    ["lower-case", { traceparent: TRACEPARENT, baggage: "who=alice" }],
    ["spaced", { TRACEPARENT: ` ${TRACEPARENT} `, BAGGAGE: " who = alice ; property , of=%C3%A4" }],
  ])("reads %s variables like EnvironmentGetter", (_, variables) => {
    for (const name of ["TRACEPARENT", "TRACESTATE", "BAGGAGE"]) vi.stubEnv(name, undefined);
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    const official = OFFICIAL.extract(ROOT_CONTEXT, undefined, new EnvironmentGetter());
    expect(carried(extractEnvironment(undefined, ROOT_CONTEXT))).toEqual(carried(official));
  });

  it("offers a propagator the values and the names that EnvironmentGetter offers", () => {
    propagation.disable();
    propagation.setGlobalPropagator(propagatorOf("x-b3-traceid"));
    vi.stubEnv("X_B3_TRACEID", "value");
    vi.stubEnv("x-b3-traceid", "ignored");
    const official = new EnvironmentGetter();
    const expected = { value: official.get(undefined, "x-b3-traceid"), keys: official.keys(undefined) };
    expect(extractEnvironment(undefined, ROOT_CONTEXT).getValue(KEY)).toEqual(expected);
  });

  it("ignores a TRACEPARENT that is too long, and keeps the members of BAGGAGE that fit", () => {
    const members = Array.from({ length: 2000 }, (_, index) => `key${index}=value`);
    const extracted = extractEnvironment({ TRACEPARENT: TRACEPARENT + "-".repeat(300), BAGGAGE: members.join(",") }, ROOT_CONTEXT);
    expect(trace.getSpanContext(extracted)).toBeUndefined();
    const kept = propagation.getBaggage(extracted)?.getAllEntries() ?? [];
    expect(kept.length).toBeGreaterThan(100);
    expect(kept.length).toBeLessThan(1000);
  });

  it("returns the given context for an environment that names no trace, or cannot be read", () => {
    expect(extractEnvironment({ PATH: "/bin" }, ROOT_CONTEXT)).toBe(ROOT_CONTEXT);
    expect(extractEnvironment(null as never, ROOT_CONTEXT)).toBe(ROOT_CONTEXT);
    const diagnostics = recordDiagnostics();
    const unreadable = new Proxy({}, { get: () => { throw new Error("denied"); } }); // prettier-ignore
    expect(extractEnvironment(unreadable, ROOT_CONTEXT)).toBe(ROOT_CONTEXT);
    expect(diagnostics.messages("error").join()).toContain("extract()");
  });

  it("returns the given context without process, and with OTEL_PROPAGATORS=none", async () => {
    const unpropagated = await importWithout("none");
    expect(unpropagated.extractEnvironment(VARIABLES, ROOT_CONTEXT)).toBe(ROOT_CONTEXT);
    vi.stubGlobal("process", undefined);
    expect(extractEnvironment(undefined, ROOT_CONTEXT)).toBe(ROOT_CONTEXT);
  });
});
