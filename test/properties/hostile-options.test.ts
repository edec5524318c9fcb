import { SpanKind, context } from "@opentelemetry/api";
import type { Tracer } from "@opentelemetry/api";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { wrapFetch } from "../../src/fetch.ts";
import type { ClientOptions, ServerOptions } from "../../src/index.ts";
import { HOSTILE_ERROR, HOSTILE_VALUE, errorFrom, isOrdinary, valueOf } from "./hostile-values.ts";
import type { HostileError } from "./hostile-values.ts";
import { startDeterministicTelemetry } from "./deterministic-telemetry.ts";
import type { DeterministicTelemetry } from "./deterministic-telemetry.ts";
import { contextWith } from "./model.ts";
import { ACTIVE } from "./requests.ts";
import { LONG_TIMEOUT, runs } from "./run-options.ts";
import { CLIENTS, SERVERS } from "./in-memory.ts";
import type { InMemoryExchange } from "./in-memory.ts";

let telemetry: DeterministicTelemetry;
beforeAll(() => void (telemetry = startDeterministicTelemetry()));
afterAll(() => telemetry.stop());

const BOTH: Record<string, (options: ClientOptions & ServerOptions) => InMemoryExchange> = { ...CLIENTS, ...SERVERS };

const OPTIONS = [
  "ignoreRequestHook",
  "startSpanHook",
  "requestHook",
  "responseHook",
  "urlTemplate",
  "requireParentforSpans",
  "headersToSpanAttributes",
  "sensitiveQueryParameters",
  "knownMethods",
  "endSpanOn",
  "propagateTo",
  "baggageTo",
  "baggageKeys",
  "modelProviders",
  "a2a",
  "tracerProvider",
  "meterProvider",
  "propagator",
  "incoming",
  "acceptBaggage",
  "trustProxy",
  "unknown",
  "constructor",
  "__proto__",
];

const HEADERS = {
  "x-a": "1",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  tracestate: "vendor=1",
  baggage: "user=1;p,tenant=a%20b",
};

describe.each(Object.entries(BOTH))("%s", (name, make) => {
  it("rejects an invalid value by the option's name at set-up, or sends the request", LONG_TIMEOUT, async () => {
    const property = fc.asyncProperty(fc.constantFrom(...OPTIONS), HOSTILE_VALUE, ACTIVE, async (option, value, active) => {
      const made = setUp(() => make(Object.defineProperty({}, option, { value: valueOf(value), enumerable: true })));
      const exchange = "refused" in made ? () => checkRefusal(made.refused, name, option, value) : made.exchange;
      expect(await context.with(contextWith(active), () => exchange({ ...HEADERS }))).toBe("answer");
    });
    await fc.assert(property, runs(200));
  });

  it("sends the request whatever hooks, matchers and telemetry do", LONG_TIMEOUT, async () => {
    const others = Object.hasOwn(SERVERS, name) ? CLIENT_ONLY : SERVER_ONLY;
    const misbehaviours = fc.array(MISBEHAVIOUR, { minLength: 1, maxLength: 3 });
    const property = fc.asyncProperty(misbehaviours, ACTIVE, async (several, active) => {
      const options = several.flatMap((one) => Object.entries(optionOf(one))).filter(([option]) => !others.includes(option));
      const exchange = make(Object.fromEntries(options));
      expect(await context.with(contextWith(active), () => exchange({ ...HEADERS }))).toBe("answer");
    });
    await fc.assert(property, runs(200));
  });
});

function setUp(make: () => InMemoryExchange): { exchange: InMemoryExchange } | { refused: unknown } {
  try {
    return { exchange: make() };
  } catch (refused) {
    return { refused };
  }
}

/** The error if it does not name the option, else "answer". */
function checkRefusal(error: unknown, name: string, option: string, value: string): unknown {
  if (value.includes("proxy")) return "answer"; // the proxy itself threw
  const wanted = new RegExp(`^${name.split(" ")[0]}: .*"${option}"`);
  return error instanceof TypeError && wanted.test(error.message) ? "answer" : error;
}

const CLIENT_ONLY = ["startSpanHook", "urlTemplate", "propagateTo", "baggageTo"];
const SERVER_ONLY = ["incoming"];

/** What a function of the application does: it returns or throws a value, synchronously or as a promise. */
interface Act {
  as: "returns" | "throws" | "resolves" | "rejects" | "is a thenable";
  what: HostileError;
}
const ACT: fc.Arbitrary<Act> = fc.record({
  as: fc.constantFrom("returns", "throws", "resolves", "rejects", "is a thenable"),
  what: HOSTILE_ERROR,
});

function act({ as, what }: Act): () => unknown {
  return () => {
    const made = errorFrom(what);
    if (as === "throws") throw made;
    if (as === "rejects") return Promise.reject(made);
    if (as === "resolves") return new Promise((resolve) => resolve({ made }));
    // oxlint-disable-next-line unicorn/no-thenable -- a misbehaving thenable is the subject of the test
    if (as === "is a thenable") return { then: act({ as: "throws", what }) };
    return made;
  };
}

/** A proxy of an object in which one method misbehaves. */
function withMisbehaviour<Target extends object>(target: Target, method: string, wrong: Act): Target {
  return new Proxy(target, {
    get: (_, name) => {
      const value: unknown = Reflect.get(target, name);
      return name === method ? act(wrong) : typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const HOOKS = [
  "ignoreRequestHook",
  "startSpanHook",
  "requestHook",
  "responseHook",
  "urlTemplate",
  "propagateTo",
  "baggageTo",
  "incoming",
];
const PROPAGATOR = ["inject", "extract", "fields"];
const SPAN = [
  "spanContext",
  "setAttribute",
  "setAttributes",
  "addEvent",
  "setStatus",
  "updateName",
  "end",
  "isRecording",
  "recordException",
];
const METER = ["getMeter", "createHistogram", "record"];

type Misbehaviour = { of: "hook" | "propagator" | "provider" | "tracer" | "span" | "meter"; method: string; wrong: Act };

const misbehaviour = (of: Misbehaviour["of"], methods: string[]): fc.Arbitrary<Misbehaviour> =>
  fc.record({
    of: fc.constant(of),
    method: fc.constantFrom(...methods),
    // Providers, tracers, spans and meters have no async functions.
    wrong: of === "hook" || of === "propagator" ? ACT : ACT.filter(({ as }) => as !== "rejects"),
  });
const MISBEHAVIOUR: fc.Arbitrary<Misbehaviour> = fc.oneof(
  misbehaviour("hook", HOOKS),
  misbehaviour("propagator", PROPAGATOR),
  misbehaviour("provider", ["getTracer"]),
  misbehaviour("tracer", ["startSpan"]),
  misbehaviour("span", SPAN),
  misbehaviour("meter", METER),
);

/** The option that installs the misbehaviour. */
function optionOf({ of, method, wrong }: Misbehaviour): object {
  const wrongly = act(wrong);
  if (of === "hook") return { [method]: wrongly };
  if (of === "propagator")
    return { propagator: { inject() {}, extract: (base: unknown) => base, fields: () => ["x-a"], [method]: wrongly } };
  if (of === "meter") {
    const histogram = { record: method === "record" ? wrongly : () => {} };
    const meter = { createHistogram: method === "createHistogram" ? wrongly : () => histogram };
    return { meterProvider: { getMeter: method === "getMeter" ? wrongly : () => meter } };
  }
  if (of === "provider") return { tracerProvider: { getTracer: wrongly } };
  const startSpan = (...args: Parameters<Tracer["startSpan"]>): unknown =>
    withMisbehaviour(telemetry.provider.getTracer("test").startSpan(...args), method, wrong);
  return { tracerProvider: { getTracer: () => ({ startSpan: of === "tracer" ? wrongly : startSpan }) } };
}

it("returns whatever the wrapped fetch function returns", LONG_TIMEOUT, async () => {
  const property = fc.asyncProperty(HOSTILE_ERROR, fc.constantFrom("at once", "later", "in a list"), async (hostile, when) => {
    const answer = errorFrom(hostile);
    // A promise calls `then` of the value that it is resolved with.
    fc.pre(when === "in a list" || isOrdinary(hostile));
    const options = { responseHook: () => {}, headersToSpanAttributes: { responseHeaders: ["x-a"] } };
    const given = when === "at once" ? answer : Promise.resolve(when === "later" ? answer : [answer]);
    const send = wrapFetch((() => given) as typeof fetch, options);
    const spans = await telemetry.record(async () => {
      const result: unknown = send("http://a.example/");
      expect(when === "at once" ? Object.is(result, answer) : Object.is(await result, await given)).toBe(true);
    });
    expect(spans.map(({ kind }) => kind)).toEqual([SpanKind.CLIENT]);
  });
  await fc.assert(property, runs(200));
});
