import { ROOT_CONTEXT, baggageEntryMetadataFromString, context, propagation, trace } from "@opentelemetry/api";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { wrapFetch } from "../../src/fetch.ts";
import { extractTraceContext, injectTraceContext } from "../../src/index.ts";
import type { WritableCarrier } from "../../src/index.ts";
import { startDeterministicTelemetry } from "./deterministic-telemetry.ts";
import type { DeterministicTelemetry } from "./deterministic-telemetry.ts";
import { contextWith, headersOf, propagated } from "./model.ts";
import type { Carried } from "./model.ts";
import { ACTIVE } from "./requests.ts";
import { LONG_TIMEOUT, runs } from "./run-options.ts";

let telemetry: DeterministicTelemetry;
beforeAll(() => void (telemetry = startDeterministicTelemetry()));
afterAll(() => telemetry.stop());

type Pair = [name: string, value: string];

/** The supported shapes of carriers. */
const SHAPES: Record<string, (pairs: Pair[]) => WritableCarrier> = {
  "a record": (pairs) => Object.fromEntries(pairs),
  "a record without a prototype": (pairs) => Object.assign(Object.create(null), Object.fromEntries(pairs)) as never,
  "a record of lists": (pairs) => Object.fromEntries(pairs.map(([name, value]) => [name, [value]])),
  "an object that inherits": (pairs) => Object.assign(Object.create({ id: "of its class" }), Object.fromEntries(pairs)) as never,
  "a proxy": (pairs) => new Proxy(Object.fromEntries(pairs), {}),
  Headers: (pairs) => new Headers(pairs),
  "a Map": (pairs) => new Map(pairs),
  pairs: (pairs) => pairs.map(([name, value]): Pair => [name, value]),
  "a flat list": (pairs) => pairs.flat(),
};

/** The headers of a carrier of any shape by lower-case name, with lists joined. */
function contents(carrier: WritableCarrier): Record<string, string> {
  const flat = Array.isArray(carrier) && typeof carrier[0] === "string";
  const list = carrier as unknown as unknown[];
  const entries: [string, unknown][] = flat
    ? list.flatMap((name, i): [string, unknown][] => (i % 2 === 0 ? [[String(name), list[i + 1]]] : []))
    : Symbol.iterator in carrier
      ? [...(carrier as Iterable<Pair>)]
      : Object.entries(carrier);
  const found: Record<string, string> = {};
  for (const [name, value] of entries) {
    const key = name.toLowerCase();
    found[key] = found[key] === undefined ? String(value) : `${found[key]}, ${String(value)}`;
  }
  return found;
}

const LETTER_CASES = fc.constantFrom<(name: string) => string>(
  (name) => name,
  (name) => name.toUpperCase(),
  (name) => name[0]!.toUpperCase() + name.slice(1),
);
const OTHERS = fc.uniqueArray(fc.tuple(fc.constantFrom("x-a", "X-B", "content-type", "id"), fc.stringMatching(/^[!-~]{1,8}$/)), {
  selector: ([name]) => name,
});

/** Trace context and baggage of a context, in the model's form. */
function carriedBy(from: typeof ROOT_CONTEXT): Carried {
  const spanContext = trace.getSpanContext(from);
  const state = spanContext?.traceState?.serialize().split(",") ?? [];
  const members = propagation.getBaggage(from)?.getAllEntries() ?? [];
  return {
    trace: spanContext && {
      traceId: spanContext.traceId,
      spanId: spanContext.spanId,
      flags: spanContext.traceFlags,
      state: state.map((member): [string, string] => [member.slice(0, member.indexOf("=")), member.slice(member.indexOf("=") + 1)]),
    },
    baggage: members.map(([key, { value, metadata }]) => ({ key, value, metadata: metadata?.toString() })),
  };
}

it("extracts from any carrier what was injected and keeps its other headers", LONG_TIMEOUT, () => {
  const shape = fc.constantFrom(...Object.keys(SHAPES));
  const property = fc.property(shape, OTHERS, LETTER_CASES, ACTIVE, ACTIVE, (name, others, letters, old, given) => {
    const before = headersOf(old).map(([header, value]): Pair => [letters(header), value]);
    const carrier = SHAPES[name]!([...others, ...before]);
    expect(carriedBy(extractTraceContext(carrier, ROOT_CONTEXT))).toEqual(old);

    expect(injectTraceContext(carrier, contextWith(given))).toBe(carrier);
    const written = contents(carrier);
    for (const [header, value] of others) expect(written[header.toLowerCase()]).toBe(value);
    // A header stays if the context has nothing that replaces it.
    const wanted = {
      trace: given.trace ?? old.trace,
      baggage: given.baggage.length > 0 ? given.baggage : old.baggage,
    };
    expect(carriedBy(extractTraceContext(carrier, ROOT_CONTEXT))).toEqual(wanted);
    const known = new Set(["traceparent", "tracestate", "baggage", ...others.map(([header]) => header.toLowerCase())]);
    expect(Object.keys(written).filter((header) => !known.has(header))).toEqual([]);
  });
  fc.assert(property, runs(500));
});

it("injects the same baggage header as W3CBaggagePropagator, also from its cache", LONG_TIMEOUT, () => {
  const entry = fc.record({ value: fc.string({ unit: "binary" }), metadata: fc.option(fc.string(), { nil: undefined }) });
  const members = fc.array(fc.tuple(fc.oneof(fc.constantFrom("user", "__proto__", "ä", ""), fc.string()), entry), {
    maxLength: 200,
  });
  const property = fc.property(members, (entries) => {
    let baggage = propagation.createBaggage();
    for (const [key, { value, metadata }] of entries) {
      const more = metadata === undefined ? {} : { metadata: baggageEntryMetadataFromString(metadata) };
      baggage = baggage.setEntry(key, { value: value.toWellFormed(), ...more });
    }
    const from = propagation.setBaggage(ROOT_CONTEXT, baggage);
    const header = (): string | undefined => injectTraceContext<Record<string, string>>({}, from)["baggage"];
    telemetry.register();
    const stock = header();
    propagation.disable();
    for (let i = 0; i < 2; i++) expect(header()).toBe(stock);
    // A baggage with one more member must not hit the cache.
    const more = propagation.setBaggage(from, baggage.setEntry("more", { value: "1" }));
    const ours = injectTraceContext({}, more);
    telemetry.register();
    expect(ours).toEqual(injectTraceContext({}, more));
  });
  fc.assert(property, runs(200));
});

const REPEATABLE_SHAPES: Record<string, (pairs: Pair[]) => HeadersInit> = {
  "a record": (pairs) => Object.fromEntries(pairs),
  Headers: (pairs) => new Headers(pairs),
  "a Map": (pairs) => new Map(pairs) as never,
  pairs: (pairs) => pairs,
};

it("ignores two traceparent headers of the caller and merges two baggage headers", LONG_TIMEOUT, async () => {
  let sent: Headers | undefined;
  const send = wrapFetch(async (_, init) => {
    sent = new Headers(init?.headers);
    return new Response();
  });
  const shape = fc.constantFrom(...Object.keys(REPEATABLE_SHAPES));
  const property = fc.asyncProperty(shape, ACTIVE, ACTIVE, ACTIVE, async (name, active, one, other) => {
    const again = headersOf(other).map(([header, value]): Pair => [header.toUpperCase(), value]);
    const headers = REPEATABLE_SHAPES[name]!([...headersOf(one), ...again]);
    await telemetry.record(() => context.with(contextWith(active), () => send("http://a.example/", { headers })));

    const isTwice = one.trace !== undefined && other.trace !== undefined;
    const members = new Map([...one.baggage, ...other.baggage].map((member) => [member.key, member]));
    const trusted = isTwice ? undefined : (one.trace ?? other.trace);
    const wanted = propagated(active, { trace: trusted, baggage: [...members.values()] });
    expect(sent?.get("traceparent")).toBe(wanted.traceparent);
    expect(sent?.get("tracestate") ?? undefined).toBe(wanted.tracestate);
    expect((sent?.get("baggage") ?? "").split(",").filter(Boolean).toSorted()).toEqual(wanted.baggage);
  });
  await fc.assert(property, runs(500));
});
