import { ROOT_CONTEXT, TraceFlags, diag, propagation, trace } from "@opentelemetry/api";
import type { Baggage, Context, TextMapPropagator } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ClientOptions } from "../../../src/core/telemetry/options.ts";
import { compilePolicy, injectWithPolicy, intersectPolicies, selectBaggageHeader } from "../../../src/core/propagation/policy.ts";
import type * as policies from "../../../src/core/propagation/policy.ts";
import { propagationSource, w3cPropagator } from "../../../src/core/propagation/propagator.ts";
import { recordDiagnostics } from "../../support/diagnostics.ts";

type PolicyOptions = Pick<ClientOptions, "propagateTo" | "baggageTo" | "baggageKeys" | "modelProviders">;

const URL_ = "https://agent.example/rpc";
const SPAN = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: TraceFlags.SAMPLED };
const TRACEPARENT = `00-${SPAN.traceId}-${SPAN.spanId}-01`;
const TRACED = trace.setSpanContext(ROOT_CONTEXT, SPAN);
const W3C = propagationSource(w3cPropagator())()!;

const baggageOf = (members: Record<string, string>): Baggage =>
  propagation.createBaggage(Object.fromEntries(Object.entries(members).map(([key, value]) => [key, { value }])));
const CARRYING = propagation.setBaggage(TRACED, baggageOf({ user: "1", tenant: "2" }));

afterEach(() => diag.disable());

/** A newly loaded copy of the module, since each warning is logged once, with a count of its warnings about dropped members. */
async function loadPolicy(): Promise<{ fresh: typeof policies; warnings: () => number }> {
  vi.resetModules();
  const fresh = await import("../../../src/core/propagation/policy.ts");
  const diagnostics = recordDiagnostics();
  return {
    fresh,
    warnings: () => diagnostics.messages("warn").filter((text) => String(text).includes("members were dropped")).length,
  };
}

describe("injectWithPolicy()", () => {
  const baggage = "user=1,tenant=2";

  it.each<[PolicyOptions, string, object]>([
    [{}, URL_, { traceparent: TRACEPARENT, baggage }],
    [{}, "https://api.openai.com/v1/responses", { traceparent: TRACEPARENT }],
    [{ baggageTo: "api.openai.com" }, "https://api.openai.com/v1/responses", { traceparent: TRACEPARENT, baggage }],
    [{ propagateTo: "agent.example" }, URL_, { traceparent: TRACEPARENT, baggage }],
    [{ propagateTo: "other.example" }, URL_, {}],
    [{ propagateTo: "other.example", baggageTo: "agent.example" }, URL_, { baggage }],
    [{ propagateTo: "other.example", baggageTo: "agent.example", baggageKeys: ["user"] }, URL_, { baggage: "user=1" }],
    [{ baggageTo: "other.example" }, URL_, { traceparent: TRACEPARENT }],
    [{ baggageKeys: ["tenant", "none"] }, URL_, { traceparent: TRACEPARENT, baggage: "tenant=2" }],
    [{ baggageKeys: ["tenant", "user"] }, URL_, { traceparent: TRACEPARENT, baggage }],
    [{ baggageKeys: ["none"] }, URL_, { traceparent: TRACEPARENT }],
    [{ baggageKeys: [] }, URL_, { traceparent: TRACEPARENT }],
    [{ modelProviders: ["agent.example"] }, URL_, { traceparent: TRACEPARENT }],
    [{ modelProviders: ["agent.example"] }, "https://api.openai.com/v1/responses", { traceparent: TRACEPARENT }],
    [{ modelProviders: ["*.agent.example"] }, URL_, { traceparent: TRACEPARENT, baggage }],
    [{ modelProviders: [] }, URL_, { traceparent: TRACEPARENT, baggage }],
    [{ propagateTo: "agent.example", modelProviders: ["agent.example"] }, URL_, { traceparent: TRACEPARENT }],
    [{ propagateTo: "other.example", modelProviders: ["llm.example"] }, URL_, {}],
    [{ baggageTo: "agent.example", modelProviders: ["agent.example"] }, URL_, { traceparent: TRACEPARENT, baggage }],
  ])("injects what the policy %j allows for %s", (options, url, expected) => {
    expect(injectWithPolicy(compilePolicy("f", options), W3C, CARRYING, url)).toEqual(expected);
  });

  it("rejects a model provider that is not a host or an origin", () => {
    expect(() => compilePolicy("f", { modelProviders: ["llm.example/v1"] })).toThrow(
      'f: option "modelProviders": "llm.example/v1"',
    );
  });

  it("does not call the propagator for a host that may receive nothing", () => {
    const inject = vi.fn<TextMapPropagator["inject"]>((_context, carrier, setter) => setter.set(carrier, "x-always", "1"));
    const source = { propagator: { inject, extract: (given: Context) => given, fields: () => ["x-always"] }, fields: ["x-always"] };
    const policy = compilePolicy("f", { propagateTo: "agent.example" });
    for (const context of [TRACED, CARRYING])
      expect(injectWithPolicy(policy, source, context, "https://other.example/")).toEqual({});
    const noMember = compilePolicy("f", { propagateTo: [], baggageTo: "agent.example", baggageKeys: ["none"] });
    expect(injectWithPolicy(noMember, source, CARRYING, URL_)).toEqual({});
    expect(inject).not.toHaveBeenCalled();
    expect(injectWithPolicy(policy, source, TRACED, URL_)).toEqual({ "x-always": "1" });
  });

  it.each<[string, number, number, readonly string[] | undefined, number, boolean]>([
    ["64 members", 64, 1, undefined, 64, false],
    ["65 members", 65, 1, undefined, 64, true],
    ["64 of 100 members by name", 100, 1, Array.from({ length: 64 }, (_, i) => `key${i + 20}`), 64, false],
    ["65 of 100 members by name", 100, 1, Array.from({ length: 65 }, (_, i) => `key${i + 20}`), 64, true],
    ["65 members, each by name", 65, 1, Array.from({ length: 65 }, (_, i) => `key${i}`), 64, true],
    ["more than half of 8192 bytes", 8, 1000, undefined, 8, false],
    ["more than 8192 bytes", 9, 1000, undefined, 8, true],
  ])("sends only whole members of %s and warns if one was dropped", async (_, members, length, keys, sent, warns) => {
    const { fresh, warnings } = await loadPolicy();
    const all = Array.from({ length: members }, (__, i): [string, string] => [`key${i}`, "x".repeat(length)]);
    const context = propagation.setBaggage(TRACED, baggageOf(Object.fromEntries(all)));
    const policy = fresh.compilePolicy("f", keys === undefined ? {} : { baggageKeys: keys });

    const admitted = all.filter(([key]) => keys === undefined || keys.includes(key)).slice(0, sent);
    expect(fresh.injectWithPolicy(policy, W3C, context, URL_)).toEqual({
      traceparent: TRACEPARENT,
      baggage: admitted.map((member) => member.join("=")).join(","),
    });
    expect(warnings()).toBe(warns ? 1 : 0);
  });

  it.each<[string, Record<string, number>, string | undefined, boolean]>([
    ["beside a short member", { long: 5000, short: 1 }, "short=x", true],
    ["the only member", { long: 5000 }, undefined, true],
    ["a shorter one is kept", { long: 4000, short: 1 }, `long=${"x".repeat(4000)},short=x`, false],
  ])("warns of a member that OpenTelemetry's propagator drops as too long: %s", async (_, lengths, header, warns) => {
    const { fresh, warnings } = await loadPolicy();
    const members = Object.entries(lengths).map(([key, length]): [string, string] => [key, "x".repeat(length)]);
    const context = propagation.setBaggage(TRACED, baggageOf(Object.fromEntries(members)));
    for (let i = 0; i < 2; i++)
      expect(fresh.injectWithPolicy(fresh.compilePolicy("f", {}), W3C, context, URL_)["baggage"]).toBe(header);
    expect(warnings()).toBe(warns ? 1 : 0);
  });

  it("does not warn of a propagator that carries no baggage", async () => {
    const { fresh, warnings } = await loadPolicy();
    const propagator = new W3CTraceContextPropagator();
    const headers = fresh.injectWithPolicy(
      fresh.compilePolicy("f", {}),
      { propagator, fields: propagator.fields() },
      CARRYING,
      URL_,
    );
    expect(Object.keys(headers)).toEqual(["traceparent"]);
    expect(warnings()).toBe(0);
  });
});

it.each(["propagateTo", "baggageTo"] as const)("rejects a matcher in %s that names no host and gives the reason", (name) => {
  const reason = '"https://a.example/path" does not name a host; use an origin';
  let thrown: unknown;
  try {
    compilePolicy("wrapFetch", { [name]: ["b.example", "https://a.example/path"] });
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(TypeError);
  expect((thrown as Error).message).toContain(`wrapFetch: option "${name}": ${reason}`);
  expect((thrown as Error).cause).toMatchObject({ message: expect.stringContaining(reason) as string });
});

describe("a propagator that writes baggage which is not in the context", () => {
  /** Writes a trace and a fixed baggage, whatever the context has. */
  const writing = (baggage: string): NonNullable<ReturnType<ReturnType<typeof propagationSource>>> =>
    propagationSource({
      inject: (_context, carrier, setter) => {
        setter.set(carrier, "traceparent", TRACEPARENT);
        setter.set(carrier, "baggage", baggage);
      },
      extract: (given) => given,
      fields: () => ["traceparent", "baggage"],
    })()!;

  it("sends what the policy allows of it", () => {
    const headers = injectWithPolicy(compilePolicy("f", { baggageKeys: ["user"] }), writing("user=1,vendor=2"), TRACED, URL_);
    expect(headers).toEqual({ traceparent: TRACEPARENT, baggage: "user=1" });
  });

  it("has its baggage truncated to whole members", () => {
    const member = `a=${"x".repeat(5000)}`;
    const headers = injectWithPolicy(compilePolicy("f", {}), writing(`${member},${member}`), TRACED, URL_);
    expect(headers).toEqual({ traceparent: TRACEPARENT, baggage: member });
  });

  it("sends no trace to a URL that may receive only baggage", () => {
    const policy = compilePolicy("f", { propagateTo: [], baggageTo: "agent.example" });
    expect(injectWithPolicy(policy, writing("user=1"), CARRYING, URL_)).toEqual({ baggage: "user=1" });
  });
});

describe("selectBaggageHeader()", () => {
  const policy = compilePolicy("f", { baggageKeys: ["user", "ten ant", "%zz"] });

  it("compares decoded keys, and keys that cannot be decoded as they are", () => {
    const header = "user = 1;property=2, ten%20ant=2,%zz=3";
    expect(selectBaggageHeader(policy, header, URL_)).toBe(header);
    expect(selectBaggageHeader(policy, `other=1,${header},user2=2,=3,`, URL_)).toBe(header);
  });
});

describe("intersectPolicies()", () => {
  it("admits only the baggage members that both policies name", () => {
    const policy = (keys?: string[]): policies.Policy => compilePolicy("f", keys === undefined ? {} : { baggageKeys: keys });
    const both = intersectPolicies(policy(["user", "tenant"]), policy(["tenant", "region"]));
    expect(both.keys).toEqual(new Set(["tenant"]));
    expect(intersectPolicies(policy(), policy(["tenant"])).keys).toEqual(new Set(["tenant"]));
    const first = policy(["user"]);
    expect(intersectPolicies(first, policy(["user", "tenant"]))).toBe(first);
  });
});
