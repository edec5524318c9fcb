import type { BodyArrival } from "../stub-transports/fetch.ts";
import { createDestination } from "../stub-transports/exchange.ts";
import type { Destination } from "../stub-transports/exchange.ts";
import { REMOTE_TRACEPARENT } from "./telemetry.ts";
import type { TelemetryOptions } from "./telemetry.ts";

/** Which call is measured, and under which conditions. */
export interface Scenario extends TelemetryOptions {
  readonly subject: Subject;
  /** Characters of the URL. */
  readonly urlLength: number;
  /** Number of origins to which the calls go in turn. */
  readonly origins: number;
  /** Number of request headers that the application sets. */
  readonly requestHeaders: number;
  readonly inFlight: number;
  readonly bodyArrival: BodyArrival;
}

/** What is measured: a client, a server, or a function of the package. `untraced` measures the untraced call three times, as a check of the harness. */
export type Subject =
  | "fetch"
  | "wrapFetch"
  | "undici"
  | "axios"
  | "got"
  | "node"
  | "server"
  | "injectTraceContext"
  | "extractTraceContext"
  | "untraced";

/** The conditions that a table does not mention: those of most sampled calls. */
export const USUAL: Omit<Scenario, "subject"> = {
  state: "sampled",
  baggage: 0,
  propagator: "sdk",
  metrics: false,
  urlLength: 35,
  origins: 1,
  requestHeaders: 2,
  inFlight: 1,
  bodyArrival: "whole",
};

/** What the call variants of a scenario are created from. */
export interface ScenarioInputs {
  readonly nextDestination: () => Destination;
  readonly requestHeaders: Record<string, string>;
  readonly receivedHeaders: Record<string, string>;
  readonly bodyArrival: BodyArrival;
  readonly metrics: boolean;
}

export function scenarioInputs(scenario: Scenario): ScenarioInputs {
  const { urlLength, origins, requestHeaders: count, bodyArrival, state, metrics } = scenario;
  const others = Array.from({ length: Math.max(0, count - 2) }, (_, i) => [`x-header-${i}`, `value ${i}`]);
  const requestHeaders = { "content-type": "application/json", accept: "application/json", ...Object.fromEntries(others) };
  const received = { ...requestHeaders, host: "agent.internal:8080", "user-agent": "agent/1.0" };
  const traceparent = state === "unsampled" ? REMOTE_TRACEPARENT.replace(/01$/, "00") : REMOTE_TRACEPARENT;
  const receivedHeaders = state === "none" ? received : { ...received, traceparent };
  return { nextDestination: destinationsInTurn(origins, urlLength), requestHeaders, receivedHeaders, bodyArrival, metrics };
}

function destinationsInTurn(origins: number, urlLength: number): () => Destination {
  const only = createDestination("agent.internal", urlLength);
  if (origins === 1) return () => only;
  const destinations = Array.from({ length: origins }, (_, i) => createDestination(`agent-${i}.internal`, urlLength));
  let next = 0;
  return () => destinations[next++ % origins] as Destination;
}
