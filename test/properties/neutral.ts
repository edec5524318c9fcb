import { subscribe, unsubscribe } from "node:diagnostics_channel";
import http from "node:http";
import { context, metrics, propagation } from "@opentelemetry/api";
import type { TextMapPropagator } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { Agent, setGlobalDispatcher } from "undici";
import type { ClientOptions } from "../../src/index.ts";
import { SENSITIVE } from "./model.ts";
import type { Lab } from "./lab.ts";
import { w3c } from "./lab.ts";
import { KEYS } from "./requests.ts";

// What may be set, or be around, and is to change nothing of what is sent and recorded; each keeps a short cut from being taken.

/** A propagator that is another object at each look, and does what the stock one does. */
export function wrappedPropagator(): TextMapPropagator {
  const stock = w3c();
  return {
    inject: (...args) => stock.inject(...args),
    extract: (...args) => stock.extract(...args),
    fields: () => [...stock.fields()],
  };
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"];

export const OPTIONS: Record<string, (lab: Lab) => ClientOptions> = {
  none: () => ({}),
  "hooks that do nothing": () => ({
    ignoreRequestHook: () => false,
    startSpanHook: () => ({}),
    requestHook: () => {},
    responseHook: () => {},
    urlTemplate: () => undefined,
  }),
  "policies that admit all": () => ({ propagateTo: [/^http/, () => true], baggageTo: () => true, baggageKeys: KEYS }),
  "a policy by host": () => ({ propagateTo: ["127.0.0.1", "*.example"], baggageTo: "127.0.0.1" }),
  "a propagator": () => ({ propagator: wrappedPropagator() }),
  "a tracer provider": (lab) => ({ tracerProvider: { getTracer: (...args) => lab.provider.getTracer(...args) } }),
  "a meter provider": () => ({ meterProvider: new MeterProvider() }),
  "the defaults": () => ({
    knownMethods: METHODS,
    sensitiveQueryParameters: SENSITIVE,
    a2a: "headers",
    requireParentforSpans: false,
  }),
  "a look at bodies": () => ({ a2a: "body" }),
  "spans to the headers": () => ({ endSpanOn: "headers" }),
};

const INTERCEPTED = new Agent().compose((dispatch) => (options, handler) => dispatch(options, handler));

/** Each changes the process, and returns what changes it back. */
export const AROUND: Record<string, () => () => void> = {
  nothing: () => () => {},
  "somebody who listens to undici": () => {
    const channels = ["create", "headers", "trailers", "error"].map((name) => `undici:request:${name}`);
    const listener = (): void => {};
    for (const name of channels) subscribe(name, listener);
    return () => channels.forEach((name) => unsubscribe(name, listener));
  },
  "no propagator": () => {
    propagation.disable();
    return () => propagation.setGlobalPropagator(w3c());
  },
  "another propagator": () => {
    propagation.disable();
    propagation.setGlobalPropagator(wrappedPropagator());
    return () => {
      propagation.disable();
      propagation.setGlobalPropagator(w3c());
    };
  },
  "another context manager": () => {
    const set = (): void => {
      context.disable();
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    };
    set();
    return set;
  },
  "a meter provider": () => {
    metrics.setGlobalMeterProvider(new MeterProvider());
    return () => metrics.disable();
  },
  "an http.request of somebody's": () => {
    const original = http.request;
    http.request = function request(this: unknown, ...args: unknown[]) {
      return Reflect.apply(original, this, args);
    } as typeof http.request;
    return () => (http.request = original);
  },
  "a global dispatcher with an interceptor of somebody's": () => {
    const places = Object.getOwnPropertySymbols(globalThis).filter((name) => String(name).includes("undici.globalDispatcher"));
    const before = places.map((place) => Object.getOwnPropertyDescriptor(globalThis, place)!);
    setGlobalDispatcher(INTERCEPTED);
    return () => places.forEach((place, i) => Object.defineProperty(globalThis, place, before[i]!));
  },
  "a global fetch of somebody's": () => {
    const original = globalThis.fetch;
    globalThis.fetch = (input, init) => original(input, init);
    return () => (globalThis.fetch = original);
  },
};
