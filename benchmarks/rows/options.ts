import type { Arrival } from "../transports/fetch.ts";
import { targetOf } from "../transports/exchange.ts";
import type { Target } from "../transports/exchange.ts";
import { REMOTE_TRACEPARENT } from "./telemetry.ts";
import type { TelemetryOptions } from "./telemetry.ts";

/** What is measured, and under which circumstances. */
export interface RowSpec extends TelemetryOptions {
  readonly row: RowName;
  /** Characters of the URL. */
  readonly url: number;
  /** How many origins the calls go to in turn. */
  readonly origins: number;
  /** Headers of the application's own on each request. */
  readonly headers: number;
  readonly inFlight: number;
  readonly arrival: Arrival;
}

export type RowName = "fetch" | "wrapFetch" | "undici" | "axios" | "got" | "server" | "inject" | "extract" | "noop";

/** The circumstances of which a table does not speak: a sampled call as most are. */
export const USUAL: Omit<RowSpec, "row"> = {
  state: "sampled",
  baggage: 0,
  propagator: "sdk",
  metrics: false,
  url: 35,
  origins: 1,
  headers: 2,
  inFlight: 1,
  arrival: "whole",
};

/** What the makers of trios need to know. */
export interface RowOptions {
  readonly nextTarget: () => Target;
  readonly requestHeaders: Record<string, string>;
  readonly receivedHeaders: Record<string, string>;
  readonly arrival: Arrival;
}

export function rowOptions({ url, origins, headers, arrival, state }: RowSpec): RowOptions {
  const own = Array.from({ length: Math.max(0, headers - 2) }, (_, i) => [`x-header-${i}`, `value ${i}`]);
  const requestHeaders = { "content-type": "application/json", accept: "application/json", ...Object.fromEntries(own) };
  const received = { ...requestHeaders, host: "agent.internal:8080", "user-agent": "agent/1.0" };
  // Without an SDK there may be no trace at all; all others receive one.
  const traceparent = state === "unsampled" ? REMOTE_TRACEPARENT.replace(/01$/, "00") : REMOTE_TRACEPARENT;
  const receivedHeaders = state === "none" ? received : { ...received, traceparent };
  return { nextTarget: inTurn(origins, url), requestHeaders, receivedHeaders, arrival };
}

function inTurn(origins: number, length: number): () => Target {
  const first = targetOf("agent.internal", length);
  if (origins === 1) return () => first;
  const targets = Array.from({ length: origins }, (_, i) => targetOf(`agent-${i}.internal`, length));
  let next = 0;
  return () => targets[next++ % origins] as Target;
}
