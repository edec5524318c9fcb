import { SpanStatusCode } from "@opentelemetry/api";
import { hrTimeToMilliseconds } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { Cell } from "./cells.ts";
import { STREAM_MS } from "./hosts.ts";
import type { ReceivedRequest } from "./hosts.ts";
import { TENANT_ONLY, intersection } from "./policies.ts";
import type { Admitted, Policy } from "./policies.ts";
import { baggageValue } from "./run-cell.ts";
import type { Observation, ObservedCall } from "./run-cell.ts";
import { PROPAGATION_HEADERS } from "./sdk-states.ts";
import type { SdkState } from "./sdk-states.ts";

// The timers of Node may fire somewhat early, compared with the clock of the spans.
const TIMER_TOLERANCE_MS = 5;

/** What in a cell was not as it must be, one sentence each; none if all is well. */
export function violations(cell: Cell, { calls, allSpansEnded }: Observation): string[] {
  const state = cell.sdk;
  const found = calls.flatMap((call) => [
    ...outcomeViolations(call),
    ...call.requests.flatMap((request) => headerViolations(cell, state, call, request)),
    ...(state.records ? spanViolations(cell, state, call) : []),
  ]);
  return allSpansEnded ? found : [...found, "a span did not end"];
}

function outcomeViolations({ id, outcome, body, requests, route }: ObservedCall): string[] {
  const expected = body === "cut body" ? "failed" : "whole";
  const found = outcome === expected ? [] : [`${id}: the response is ${outcome}, not ${expected}`];
  return requests.length < route.hosts.length ? [...found, `${id}: only ${requests.length} requests arrived`] : found;
}

function policiesOf({ policy, placement }: Cell): Policy[] {
  return placement === "outer, baggageKeys inner" ? [policy, TENANT_ONLY] : [policy];
}

/** What a request carries against the policy, or does not carry although the policy admits it. */
function headerViolations(cell: Cell, state: SdkState, call: ObservedCall, request: ReceivedRequest): string[] {
  const admitted = intersection(policiesOf(cell), request.host);
  const where = `${call.id}, request ${request.step} to ${request.host}`;
  const expected = expectedHeaders(state, admitted);
  return PROPAGATION_HEADERS.flatMap((name) => {
    const values = request.headers.filter((line) => line[0] === name).map(([, value]) => value);
    if (!expected.has(name)) return values.map((value) => `${where}: leaked ${name}: ${value}`);
    if (values.length === 0) return [`${where}: ${name} is missing`];
    if (values.length > 1) return [`${where}: several ${name}: ${values.join(" and ")}`];
    const wrong = wrongValue(name, values[0] as string, { state, admitted, call, request });
    return wrong === undefined ? [] : [`${where}: ${name} ${wrong}: ${values[0]}`];
  });
}

function expectedHeaders(state: SdkState, admitted: Admitted): ReadonlySet<string> {
  const expected = new Set<string>(admitted.trace ? state.traceHeaders : []);
  if (state.writesBaggage && admitted.baggage.length > 0) expected.add("baggage");
  return expected;
}

interface Expectation {
  readonly state: SdkState;
  readonly admitted: Admitted;
  readonly call: ObservedCall;
  readonly request: ReceivedRequest;
}

/** What is wrong with a header's value; undefined if nothing is. */
function wrongValue(name: string, value: string, { state, admitted, call, request }: Expectation): string | undefined {
  if (name === "baggage") {
    const expected = admitted.baggage.map((key) => `${key}=${baggageValue(key, call.id)}`).join(",");
    return value === expected ? undefined : `is not ${expected}`;
  }
  if (name === "tracestate") return value === call.remote.traceState?.serialize() ? undefined : "is not the caller's";
  const carried = state.read(Object.fromEntries(request.headers));
  if (carried?.traceId !== call.remote.traceId) return "is of another trace";
  if (state.forwards) return carried.spanId === call.remote.spanId ? undefined : "is not the incoming one";
  if (carried.sampled !== state.records) return "has the wrong sampling decision";
  if (!state.records) return undefined;
  return call.spans.some((span) => span.spanContext().spanId === carried.spanId) ? undefined : "is of no CLIENT span of the call";
}

/** One CLIENT span of ours an attempt, which knows the end of the body. */
function spanViolations(cell: Cell, state: SdkState, call: ObservedCall): string[] {
  const { id, spans, body } = call;
  const found: string[] = [];
  const foreign = spans.filter((span) => span.instrumentationScope.name !== "a2a-otel");
  for (const span of foreign) found.push(`${id}: a CLIENT span of ${span.instrumentationScope.name}`);
  const own = spans.filter((span) => span.instrumentationScope.name === "a2a-otel");
  const expected = expectedSpans(cell, call);
  if (own.length !== expected) found.push(`${id}: ${own.length} CLIENT spans of ours, not ${expected}`);
  if (cell.stacking.spanPer === "request") found.push(...sharedSpanViolations(state, call));
  const last = own.at(-1);
  return last === undefined ? found : [...found, ...endViolations(id, last, body)];
}

function expectedSpans({ stacking }: Cell, { requests }: ObservedCall): number {
  return stacking.spanPer === "call" ? 1 : requests.length;
}

function sharedSpanViolations(state: SdkState, { id, requests }: ObservedCall): string[] {
  if (state.traceHeaders.length === 0) return [];
  const carried = requests.flatMap(({ headers }) => {
    const lines = Object.fromEntries(headers);
    return state.traceHeaders.every((name) => name in lines) ? [state.read(lines)?.spanId] : [];
  });
  return new Set(carried).size === carried.length ? [] : [`${id}: two requests carry the same span`];
}

function endViolations(id: string, last: ReadableSpan, body: ObservedCall["body"]): string[] {
  if (body === "cut body") {
    return last.status.code === SpanStatusCode.ERROR ? [] : [`${id}: the body was cut, but the span has no error`];
  }
  const found = last.status.code === SpanStatusCode.ERROR ? [`${id}: the last span has an error`] : [];
  const milliseconds = hrTimeToMilliseconds(last.duration);
  if (body === "body of 100 ms" && milliseconds < STREAM_MS - TIMER_TOLERANCE_MS) {
    found.push(`${id}: the body took ${STREAM_MS} ms, but the span ${milliseconds.toFixed(0)}`);
  }
  return found;
}
