import { subscribe } from "node:diagnostics_channel";
// By import: `getBuiltinModule` and `require` would load it through the hooks of an instrumentation that has yet to be registered.
import http from "node:http";
import https from "node:https";
import { context } from "@opentelemetry/api";
import type { AxiosRequestConfig } from "axios";
import { CallContext, enclosingCall } from "../../core/context/call-context.ts";
import { ClientCall } from "../../core/calls/client-call.ts";
import { now } from "../../core/telemetry/meter.ts";
import { findByTraceparent } from "../../core/calls/active-calls.ts";
import { TRACEPARENT } from "../../core/propagation/trace-context.ts";
import { isNativeFunction, createPatchDetector } from "../../core/node/native-function.ts";
import { thirdPartySubscribedFirst, hasThirdPartySubscribers } from "../../core/node/undici-channels.ts";
import type { Build } from "./build.ts";

/** What carries a request: one of axios's own adapters, or a function of the application's. */
export type Transport = "http" | "fetch" | "xhr" | "custom";

/** @param own what the request asks for: names, functions, or a list of both. */
export function transportOf(adapter: unknown, own: unknown, build: Build): Transport {
  const name = (adapter as { adapterName?: unknown }).adapterName;
  if (name === "http" || name === "xhr") return name;
  const isGiven = adapter === own || (Array.isArray(own) && own.includes(adapter));
  return !isGiven || adapter === build.fetchAdapter() ? "fetch" : "custom";
}

/**
 * Whether tracing is to be suppressed while a watched adapter is being called. Foreign instrumentation starts its span within `http.request`, or
 * in a global fetch that it has replaced; the application's own fetch and adapter must not see it.
 */
export function suppressesAtStart(transport: Transport, config: AxiosRequestConfig): boolean {
  if (transport === "http") return true;
  return transport === "fetch" && (config.env?.fetch === undefined || thirdPartySubscribedFirst());
}

/** Whether it stays suppressed once the adapter has returned: where the request is made later, when nobody of ours is there. */
export function suppressesUntilRequest(transport: Transport, { data }: AxiosRequestConfig): boolean {
  // The http adapter waits for the length of a body of the form-data package.
  if (transport === "http") return typeof (data as { getHeaders?: unknown } | null | undefined)?.getHeaders === "function";
  return transport === "fetch" && thirdPartySubscribedFirst();
}

/** Whether foreign instrumentation may be beneath a transport. It costs more to run in a context than to ask. */
export function isWatched(transport: Transport): boolean {
  if (transport === "http") return isHttpPatched();
  return transport !== "xhr" && (isFetchWatched() || (transport === "custom" && isHttpPatched()));
}

/** Whether somebody has put a function of their own in the place of `http.request`. */
export const isHttpPatched: () => boolean = createPatchDetector(http, https);

let lastFetch: unknown;
let fetchPatched = false;

/** Likewise for the global fetch, or whether somebody but us listens to what it does. */
function isFetchWatched(): boolean {
  if (globalThis.fetch !== lastFetch) {
    lastFetch = globalThis.fetch;
    fetchPatched = !isNativeFunction(lastFetch);
  }
  return fetchPatched || hasThirdPartySubscribers();
}

let connected = false;

/** Subscribes to the channels of `node:http`, once. */
export function connectHttpChannels(): void {
  if (connected) return;
  connected = true;
  subscribe("http.client.request.created", onCreated);
  subscribe("http.client.response.finish", onResponse as (message: unknown) => void);
}

/** A request exists: foreign instrumentation is done with it, and what comes next may be the application's own code. */
function onCreated(): void {
  const active = context.active();
  if (active instanceof CallContext && active.call.suppressing) active.call.suppressing = false;
}

const arrivals = new WeakMap<ClientCall, number | undefined>();

/** Has the time noted at which the headers of the call's response arrive. */
export function noteArrival(call: ClientCall): void {
  arrivals.set(call, undefined);
}

/** When the headers of the call's response arrived, in milliseconds of `performance.now()`; undefined where nobody has told. */
export function arrivalOf(call: ClientCall): number | undefined {
  return arrivals.get(call);
}

/** Headers arrived. The last response counts: those before it were redirects. */
export function arrived(call: ClientCall, status: number): void {
  if (status >= 200 && arrivals.has(call)) arrivals.set(call, now());
}

function onResponse({ request, response }: HttpExchange): void {
  const call = findByTraceparent(String(request.getHeader(TRACEPARENT))) ?? enclosingCall(context.active());
  if (call instanceof ClientCall) arrived(call, response.statusCode);
}

interface HttpExchange {
  readonly request: { getHeader(name: string): unknown };
  readonly response: { readonly statusCode: number };
}
