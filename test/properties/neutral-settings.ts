import { subscribe, unsubscribe } from "node:diagnostics_channel";
import http from "node:http";
import { context, metrics, propagation } from "@opentelemetry/api";
import type { TextMapPropagator } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { Agent, setGlobalDispatcher } from "undici";
import type { ClientOptions } from "../../src/index.ts";
import { SENSITIVE } from "./model.ts";
import type { DeterministicTelemetry } from "./deterministic-telemetry.ts";
import { w3c } from "./deterministic-telemetry.ts";
import { KEYS } from "./requests.ts";

// Options and process-wide settings that must not change what is sent and recorded. Each of them disables an optimised code path.

/** A propagator that behaves like the W3C propagators but is a different object each time. */
export function wrappedPropagator(): TextMapPropagator {
  const stock = w3c();
  return {
    inject: (...args) => stock.inject(...args),
    extract: (...args) => stock.extract(...args),
    fields: () => [...stock.fields()],
  };
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"];

export const OPTIONS: Record<string, (telemetry: DeterministicTelemetry) => ClientOptions> = {
  none: () => ({}),
  "hooks that do nothing": () => ({
    ignoreRequestHook: () => false,
    startSpanHook: () => ({}),
    requestHook: () => {},
    responseHook: () => {},
    urlTemplate: () => undefined,
  }),
  "policies that allow everything": () => ({ propagateTo: [/^http/, () => true], baggageTo: () => true, baggageKeys: KEYS }),
  "a policy by host": () => ({ propagateTo: ["127.0.0.1", "*.example"], baggageTo: "127.0.0.1" }),
  "a propagator": () => ({ propagator: wrappedPropagator() }),
  "a tracer provider": (telemetry) => ({ tracerProvider: { getTracer: (...args) => telemetry.provider.getTracer(...args) } }),
  "a meter provider": () => ({ meterProvider: new MeterProvider() }),
  "the defaults": () => ({
    knownMethods: METHODS,
    sensitiveQueryParameters: SENSITIVE,
    a2a: "headers",
    requireParentforSpans: false,
  }),
  "A2A recognition by body": () => ({ a2a: "body" }),
  "spans that end at the headers": () => ({ endSpanOn: "headers" }),
};

const INTERCEPTED = new Agent().compose((dispatch) => (options, handler) => dispatch(options, handler));

/** Each changes the process and returns a function that restores it. */
export const ENVIRONMENTS: Record<string, () => () => void> = {
  nothing: () => () => {},
  "another subscriber of undici's channels": () => {
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
  "a replaced http.request": () => {
    const original = http.request;
    http.request = function request(this: unknown, ...args: unknown[]) {
      return Reflect.apply(original, this, args);
    } as typeof http.request;
    return () => (http.request = original);
  },
  "a global dispatcher with another interceptor": () => {
    const symbols = Object.getOwnPropertySymbols(globalThis).filter((name) => String(name).includes("undici.globalDispatcher"));
    const before = symbols.map((symbol) => Object.getOwnPropertyDescriptor(globalThis, symbol)!);
    setGlobalDispatcher(INTERCEPTED);
    return () => symbols.forEach((symbol, i) => Object.defineProperty(globalThis, symbol, before[i]!));
  },
  "a replaced global fetch": () => {
    const original = globalThis.fetch;
    globalThis.fetch = (input, init) => original(input, init);
    return () => (globalThis.fetch = original);
  },
};
