import { SpanKind, context } from "@opentelemetry/api";
import type { Tracer } from "@opentelemetry/api";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { wrapFetch } from "../../src/fetch.ts";
import type { ClientOptions, ServerOptions } from "../../src/index.ts";
import { HOSTILE_ERROR, HOSTILE_VALUE, errorFrom, isOrdinary, valueOf } from "./hostile.ts";
import type { HostileError } from "./hostile.ts";
import { openLab } from "./lab.ts";
import type { Lab } from "./lab.ts";
import { contextWith } from "./model.ts";
import { ACTIVE } from "./requests.ts";
import { PATIENT, runs } from "./runs.ts";
import { CLIENTS, SERVERS } from "./through.ts";
import type { Through } from "./through.ts";

let lab: Lab;
beforeAll(() => void (lab = openLab()));
afterAll(() => lab.close());

const BOTH: Record<string, (options: ClientOptions & ServerOptions) => Through> = { ...CLIENTS, ...SERVERS };

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
  it("any value of an option is refused by name when it is set, or the request goes through", PATIENT, async () => {
    const property = fc.asyncProperty(fc.constantFrom(...OPTIONS), HOSTILE_VALUE, ACTIVE, async (option, value, active) => {
      const made = setUp(() => make(Object.defineProperty({}, option, { value: valueOf(value), enumerable: true })));
      const through = "refused" in made ? () => judged(made.refused, name, option, value) : made.through;
      expect(await context.with(contextWith(active), () => through({ ...HEADERS }))).toBe("answer");
    });
    await fc.assert(property, runs(200));
  });

  it("whatever hooks, matchers and telemetry do, the request goes through", PATIENT, async () => {
    const others = Object.hasOwn(SERVERS, name) ? CLIENTS_ALONE : SERVERS_ALONE;
    const misbehaviours = fc.array(MISBEHAVIOUR, { minLength: 1, maxLength: 3 });
    const property = fc.asyncProperty(misbehaviours, ACTIVE, async (several, active) => {
      const options = several.flatMap((one) => Object.entries(optionOf(one))).filter(([option]) => !others.includes(option));
      const through = make(Object.fromEntries(options));
      expect(await context.with(contextWith(active), () => through({ ...HEADERS }))).toBe("answer");
    });
    await fc.assert(property, runs(200));
  });
});

function setUp(make: () => Through): { through: Through } | { refused: unknown } {
  try {
    return { through: make() };
  } catch (refused) {
    return { refused };
  }
}

/** What is wrong with a refusal; "answer" if nothing is. */
function judged(error: unknown, name: string, option: string, value: string): unknown {
  if (value.includes("proxy")) return "answer"; // it has thrown itself
  const wanted = new RegExp(`^${name.split(" ")[0]}: .*"${option}"`);
  return error instanceof TypeError && wanted.test(error.message) ? "answer" : error;
}

const CLIENTS_ALONE = ["startSpanHook", "urlTemplate", "propagateTo", "baggageTo"];
const SERVERS_ALONE = ["incoming"];

/** What a function of somebody's does: it returns or throws, at once or as a promise, something. */
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
    // oxlint-disable-next-line unicorn/no-thenable -- it is meant to cause problems
    if (as === "is a thenable") return { then: act({ as: "throws", what }) };
    return made;
  };
}

/** Something that does what it should, but for some of its methods. */
function spoilt<Whole extends object>(whole: Whole, method: string, wrong: Act): Whole {
  return new Proxy(whole, {
    get: (_, name) => {
      const value: unknown = Reflect.get(whole, name);
      return name === method ? act(wrong) : typeof value === "function" ? value.bind(whole) : value;
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
    // What nobody writes as an async function is none.
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

/** The option by which something misbehaves. */
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
    spoilt(lab.provider.getTracer("test").startSpan(...args), method, wrong);
  return { tracerProvider: { getTracer: () => ({ startSpan: of === "tracer" ? wrongly : startSpan }) } };
}

it("whatever a fetch function answers is what the application gets", PATIENT, async () => {
  const property = fc.asyncProperty(HOSTILE_ERROR, fc.constantFrom("at once", "later", "in a list"), async (hostile, when) => {
    const answer = errorFrom(hostile);
    // A promise looks into what it is resolved with.
    fc.pre(when === "in a list" || isOrdinary(hostile));
    const options = { responseHook: () => {}, headersToSpanAttributes: { responseHeaders: ["x-a"] } };
    const given = when === "at once" ? answer : Promise.resolve(when === "later" ? answer : [answer]);
    const send = wrapFetch((() => given) as typeof fetch, options);
    const spans = await lab.watch(async () => {
      const told: unknown = send("http://a.example/");
      expect(when === "at once" ? Object.is(told, answer) : Object.is(await told, await given)).toBe(true);
    });
    expect(spans.map(({ kind }) => kind)).toEqual([SpanKind.CLIENT]);
  });
  await fc.assert(property, runs(200));
});
