import { context, metrics, propagation, trace } from "@opentelemetry/api";
import type { MeterProvider, TextMapPropagator } from "@opentelemetry/api";
import axios from "axios";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { wrapFetch } from "../../src/fetch.ts";
import { traceInterceptor } from "../../src/undici.ts";
import { startDeterministicTelemetry, w3c } from "./deterministic-telemetry.ts";
import type { DeterministicTelemetry } from "./deterministic-telemetry.ts";
import { contextWith, headersOf, propagated } from "./model.ts";
import type { Carried } from "./model.ts";
import { ACTIVE } from "./requests.ts";
import { LONG_TIMEOUT, runs } from "./run-options.ts";

// An SDK may start late, be shut down and be replaced. Nothing that the library caches of it may outlive it.

let first: DeterministicTelemetry;
let second: DeterministicTelemetry;
beforeAll(() => {
  first = startDeterministicTelemetry();
  second = startDeterministicTelemetry();
});
afterAll(async () => {
  await first.stop();
  await second.stop();
});

/** A propagator that writes a header of its own and does not read it. */
const own: TextMapPropagator = {
  fields: () => ["x-own"],
  extract: (base) => base,
  inject: (from, carrier, setter) => {
    const spanContext = trace.getSpanContext(from);
    if (spanContext !== undefined) setter.set(carrier, "x-own", `${spanContext.traceId}-${spanContext.spanId}`);
  },
};

let measured = 0;
const histogram = { record: () => void measured++ };
const meters = (): MeterProvider => ({ getMeter: () => ({ createHistogram: () => histogram }) }) as unknown as MeterProvider;

interface Step {
  sdk: "the first" | "the second" | "none";
  propagator: "W3C" | "own" | "none";
  metered: boolean;
  active: Carried;
  byHand: Carried;
}

function registerGlobals({ sdk, propagator, metered }: Step): void {
  trace.disable();
  metrics.disable();
  propagation.disable();
  if (sdk !== "none") trace.setGlobalTracerProvider((sdk === "the first" ? first : second).provider);
  if (propagator !== "none") propagation.setGlobalPropagator(propagator === "own" ? own : w3c());
  if (metered) metrics.setGlobalMeterProvider(meters());
}

/** The headers that a client sends, and whether its arguments are the very objects of the caller. */
interface Sent {
  headers: Record<string, unknown>;
  untouched: boolean;
}

let sent: Sent | undefined;
const lowered = (headers: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value as unknown]));

let given: object | undefined;
const send = wrapFetch(async (_, init) => {
  sent = { headers: lowered(init?.headers ?? {}), untouched: init === given };
  return new Response();
});
const dispatch = traceInterceptor()((options, responseHandler) => {
  sent = { headers: lowered(options.headers ?? {}), untouched: options === given };
  responseHandler.onResponseStart?.({} as never, 200, {}, "OK");
  responseHandler.onResponseEnd?.({} as never, {});
  return true;
});
const handler = { onRequestStart() {}, onResponseStart() {}, onResponseData() {}, onResponseEnd() {}, onResponseError() {} };
const instance = axios.create({
  headers: { common: { Accept: undefined } } as never,
  adapter: async (config) => {
    const { accept: _, "content-type": __, ...headers } = lowered(config.headers.toJSON());
    sent = { headers, untouched: true };
    return { config, data: "", status: 200, statusText: "", headers: {} };
  },
});
instrumentAxios(instance);

const CLIENTS: Record<string, (headers: Record<string, string>) => unknown> = {
  fetch: (headers) => send("http://a.example/", (given = { headers })),
  undici: (headers) => dispatch((given = { origin: "http://a.example", path: "/", method: "GET", headers }), { ...handler }),
  axios: (headers) => instance.request({ url: "http://a.example/", headers }),
};

interface Outcome {
  headers: Record<string, unknown>;
  spans: object[];
  measured: number;
  untouched: boolean;
}

/** The expected outcome of a step's request. */
function modelled({ sdk, propagator, metered, active, byHand }: Step): Outcome {
  const hand = { ...Object.fromEntries(headersOf(byHand)), "x-own": "by hand" };
  const untouched = sdk === "none" && !metered && active.trace === undefined && active.baggage.length === 0;
  if (untouched) return { headers: hand, spans: [], measured: 0, untouched };
  // Only the W3C propagator reads the caller's headers.
  const read = propagator === "own" ? { trace: undefined, baggage: [] } : byHand;
  const { id, parent, sampled, traceparent, tracestate, baggage } = propagated(active, read);
  const caller = active.trace ?? read.trace;
  const isSpan = sdk !== "none";
  const common = { spans: isSpan && sampled ? [{ id, parent }] : [], measured: metered ? 1 : 0, untouched };
  if (propagator === "own") {
    const issued = isSpan ? id : caller && `${caller.traceId}-${caller.spanId}`;
    return { headers: { ...hand, ...(issued !== undefined && { "x-own": issued }) }, ...common };
  }
  const headers = { "x-own": "by hand", ...(baggage.length > 0 && { baggage: baggage.join(",") }) };
  if (!isSpan) return { headers: { ...headers, ...Object.fromEntries(headersOf({ trace: caller, baggage: [] })) }, ...common };
  return { headers: { ...headers, traceparent, ...(tracestate !== undefined && { tracestate }) }, ...common };
}

/** Headers with sorted baggage members. */
function ordered(headers: Record<string, unknown>): Record<string, unknown> {
  const { baggage } = headers;
  return typeof baggage === "string" ? { ...headers, baggage: baggage.split(",").toSorted().join(",") } : headers;
}

const EMPTY: Carried = { trace: undefined, baggage: [] };
const STEP: fc.Arbitrary<Step> = fc.record({
  sdk: fc.constantFrom("the first", "the second", "none"),
  propagator: fc.constantFrom("W3C", "own", "none"),
  metered: fc.boolean(),
  active: fc.oneof(fc.constant(EMPTY), ACTIVE),
  byHand: fc.oneof(fc.constant(EMPTY), ACTIVE),
});

it.each(Object.keys(CLIENTS))(
  "%s uses the SDK, the meter and the propagator that are registered at the time of the call",
  LONG_TIMEOUT,
  async (name) => {
    const property = fc.asyncProperty(fc.array(STEP, { minLength: 1, maxLength: 6 }), async (steps) => {
      for (const step of steps) {
        registerGlobals(step);
        measured = 0;
        const headers = { ...Object.fromEntries(headersOf(step.byHand)), "x-own": "by hand" };
        const active = contextWith(step.active);
        let others: unknown[] = [];
        const [one, other] = step.sdk === "the second" ? [second, first] : [first, second];
        const spans = await one.record(async () => {
          others = await other.record(() => context.with(active, () => CLIENTS[name]!(headers)));
        });
        const wanted = modelled(step);
        const got = { headers: ordered(sent!.headers), spans: spans.map(({ id, parent }) => ({ id, parent })), measured };
        expect({ ...got, untouched: wanted.untouched && sent!.untouched, others }).toEqual({
          ...wanted,
          headers: ordered(wanted.headers),
          others: [],
        });
      }
    });
    await fc.assert(property, runs(400));
  },
);
