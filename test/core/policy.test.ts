import { DiagLogLevel, ROOT_CONTEXT, TraceFlags, diag, propagation, trace } from "@opentelemetry/api";
import type { Baggage, Context, TextMapPropagator } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ClientOptions } from "../../src/core/telemetry/options.ts";
import { acceptedBaggage, injectWithPolicy, compilePolicy } from "../../src/core/propagation/policy.ts";
import type * as policies from "../../src/core/propagation/policy.ts";
import { propagationSource, w3cPropagator } from "../../src/core/propagation/propagator.ts";

type PolicyOptions = Pick<ClientOptions, "propagateTo" | "baggageTo" | "baggageKeys">;

const URL_ = "https://agent.example/rpc";
const SPAN = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: TraceFlags.SAMPLED };
const TRACEPARENT = `00-${SPAN.traceId}-${SPAN.spanId}-01`;
const TRACED = trace.setSpanContext(ROOT_CONTEXT, SPAN);
const W3C = propagationSource(w3cPropagator())()!;

const baggageOf = (members: Record<string, string>): Baggage =>
  propagation.createBaggage(Object.fromEntries(Object.entries(members).map(([key, value]) => [key, { value }])));
const CARRYING = propagation.setBaggage(TRACED, baggageOf({ user: "1", tenant: "2" }));

afterEach(() => diag.disable());

/** The policies of a new process, for what is told once in the life of one, and how often it has told of dropped members. */
async function telling(): Promise<{ fresh: typeof policies; dropped: () => number }> {
  vi.resetModules();
  const fresh = await import("../../src/core/propagation/policy.ts");
  const warn = vi.fn<(...args: unknown[]) => void>();
  const quiet = (): void => {};
  diag.setLogger({ error: quiet, warn, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.WARN);
  return { fresh, dropped: () => warn.mock.calls.filter(([, text]) => String(text).includes("members were dropped")).length };
}

describe("what leaves", () => {
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
  ])("by the policy %j for %s", (options, url, expected) => {
    expect(injectWithPolicy(compilePolicy("f", options), W3C, CARRYING, url)).toEqual(expected);
  });

  it("the propagator is not even asked for one who may receive nothing", () => {
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
  ])("of %s whole ones leave, and diag is told if one was dropped", async (_, members, length, keys, leaving, told) => {
    const { fresh, dropped } = await telling();
    const all = Array.from({ length: members }, (__, i): [string, string] => [`key${i}`, "x".repeat(length)]);
    const context = propagation.setBaggage(TRACED, baggageOf(Object.fromEntries(all)));
    const policy = fresh.compilePolicy("f", keys === undefined ? {} : { baggageKeys: keys });

    const admitted = all.filter(([key]) => keys === undefined || keys.includes(key)).slice(0, leaving);
    expect(fresh.injectWithPolicy(policy, W3C, context, URL_)).toEqual({
      traceparent: TRACEPARENT,
      baggage: admitted.map((member) => member.join("=")).join(","),
    });
    expect(dropped()).toBe(told ? 1 : 0);
  });

  it.each<[string, Record<string, number>, string | undefined, boolean]>([
    ["beside a short one", { long: 5000, short: 1 }, "short=x", true],
    ["alone", { long: 5000 }, undefined, true],
    ["that is not quite as long", { long: 4000, short: 1 }, `long=${"x".repeat(4000)},short=x`, false],
  ])("a member that OpenTelemetry's propagator finds too long is missed by diag: %s", async (_, lengths, header, told) => {
    const { fresh, dropped } = await telling();
    const members = Object.entries(lengths).map(([key, length]): [string, string] => [key, "x".repeat(length)]);
    const context = propagation.setBaggage(TRACED, baggageOf(Object.fromEntries(members)));
    for (let i = 0; i < 2; i++)
      expect(fresh.injectWithPolicy(fresh.compilePolicy("f", {}), W3C, context, URL_)["baggage"]).toBe(header);
    expect(dropped()).toBe(told ? 1 : 0);
  });

  it("a propagator that carries no baggage has dropped none", async () => {
    const { fresh, dropped } = await telling();
    const propagator = new W3CTraceContextPropagator();
    const headers = fresh.injectWithPolicy(
      fresh.compilePolicy("f", {}),
      { propagator, fields: propagator.fields() },
      CARRYING,
      URL_,
    );
    expect(Object.keys(headers)).toEqual(["traceparent"]);
    expect(dropped()).toBe(0);
  });
});

it.each(["propagateTo", "baggageTo"] as const)("a matcher that means no host is refused by the name of %s, and why", (name) => {
  const reason = '"https://a.example/path" means no host; use an origin';
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

describe("what gets in", () => {
  const membersOf = (context: Context): object | undefined => {
    const entries = propagation.getBaggage(context)?.getAllEntries();
    return entries && Object.fromEntries(entries.map(([key, { value }]) => [key, value]));
  };
  const OWN = { tenant: "own", kept: "1" };
  const ALL = { user: "1", tenant: "2" };

  it.each<[boolean | readonly string[] | undefined, object | undefined, object | undefined]>([
    [undefined, ALL, ALL],
    [true, ALL, ALL],
    [["tenant", "none"], { tenant: "2" }, { tenant: "2" }],
    [["none"], undefined, OWN],
    [[], undefined, OWN],
    [false, undefined, OWN],
  ])("of the caller's baggage where %j is accepted; the server's own stays where nothing does", (accept, alone, besideOwn) => {
    expect(membersOf(acceptedBaggage(CARRYING, ROOT_CONTEXT, accept))).toEqual(alone);
    const base = propagation.setBaggage(ROOT_CONTEXT, baggageOf(OWN));
    const extracted = propagation.setBaggage(base, baggageOf(ALL));
    expect(membersOf(acceptedBaggage(extracted, base, accept))).toEqual(besideOwn);
  });

  it.each<[boolean | readonly string[]]>([[["tenant"]], [[]], [false]])(
    "where %j is accepted and the caller sends no baggage, all stays as it is",
    (accept) => {
      expect(acceptedBaggage(TRACED, ROOT_CONTEXT, accept)).toBe(TRACED);
      const base = propagation.setBaggage(ROOT_CONTEXT, baggageOf(OWN));
      const extracted = trace.setSpanContext(base, SPAN);
      expect(acceptedBaggage(extracted, base, accept)).toBe(extracted);
    },
  );
});
