import { ROOT_CONTEXT, SpanKind, TraceFlags, context, createTraceState, propagation, trace } from "@opentelemetry/api";
import type { Context, SpanContext } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { Caller, Cell } from "./cells.ts";
import { openHosts } from "./hosts.ts";
import type { ReceivedRequest, TwoHosts } from "./hosts.ts";
import { BAGGAGE_KEYS, TENANT_ONLY } from "./policies.ts";
import { DIRECT_TO_A, DIRECT_TO_B } from "./routes.ts";
import type { BodyEnd, Route } from "./routes.ts";
import type { LayerOptions, OpenClient } from "./stackings.ts";

/** A call, in the context of an incoming request of its own. */
interface Call {
  readonly id: string;
  readonly route: Route;
  readonly body: BodyEnd;
  /** The caller's span. */
  readonly remote: SpanContext;
}

/** What was seen of a call. */
export interface ObservedCall extends Call {
  readonly requests: readonly ReceivedRequest[];
  /** The CLIENT spans of its trace, by whichever instrumentation of HTTP, in the order of their start. */
  readonly spans: readonly ReadableSpan[];
  readonly outcome: "whole" | "failed" | "other";
}

export interface Observation {
  readonly calls: readonly ObservedCall[];
  readonly allSpansEnded: boolean;
}

const CONCURRENT_CALLS = 3;

/** Makes the calls of a cell, all of them in traces of their own, and returns what the hosts received and the SDK recorded. */
export async function runCell(cell: Cell, onSdkStarted: () => void = () => {}): Promise<Observation> {
  const telemetry = cell.sdk.start();
  onSdkStarted();
  const hosts = await openHosts();
  const client = cell.stacking.open(layerOptions(cell, hosts), cell.route.retried);
  const observed: Omit<ObservedCall, "requests" | "spans">[] = [];
  try {
    if (cell.sockets === "warm sockets") {
      for (const route of [DIRECT_TO_A, DIRECT_TO_B])
        observed.push(...(await callAtOnce({ client, hosts, route, body: "short body", caller: cell.caller })));
    }
    observed.push(...(await callAtOnce({ client, hosts, ...cell })));
    const allSpansEnded = await telemetry.settled().then(
      () => true,
      () => false,
    );
    const clients = telemetry.spans().filter((span) => span.kind === SpanKind.CLIENT && span.instrumentationScope.name !== LIBRARY);
    const calls = observed.map((call) => ({
      ...call,
      requests: hosts.received.filter((request) => request.call === call.id),
      spans: clients.filter((span) => span.spanContext().traceId === call.remote.traceId).toSorted(byStart),
    }));
    return { calls, allSpansEnded };
  } finally {
    await client.close();
    await hosts.close();
    await telemetry.stop();
  }
}

function layerOptions({ policy, placement }: Cell, { origins }: TwoHosts): LayerOptions {
  const options = policy.options(origins);
  if (placement === "outer") return { outer: options, inner: undefined };
  if (placement === "inner") return { outer: undefined, inner: options };
  return { outer: options, inner: placement === "both" ? options : TENANT_ONLY.options(origins) };
}

interface Calls {
  readonly client: OpenClient;
  readonly hosts: TwoHosts;
  readonly route: Route;
  readonly body: BodyEnd;
  readonly caller: Caller;
}

/** Several calls at once, each in the context of a request that its process has received. */
async function callAtOnce({ client, hosts, route, body, caller }: Calls): Promise<Omit<ObservedCall, "requests" | "spans">[]> {
  const calls = Array.from({ length: CONCURRENT_CALLS }, () => newCall(route, body));
  return Promise.all(
    calls.map(async (call) => {
      const sent = { url: hosts.start(call.id, route, body), method: route.method };
      const send = caller === "application" ? client.send : throughLibrary(client.send);
      const outcome = await context.with(incomingContext(call), () =>
        send(sent).then(
          (text) => (text === "whole" ? ("whole" as const) : ("other" as const)),
          () => "failed" as const,
        ),
      );
      return { ...call, outcome };
    }),
  );
}

const LIBRARY = "library";

/** Sends as a library does that has a CLIENT span of its own and puts its trace context into the headers. */
function throughLibrary(send: OpenClient["send"]): OpenClient["send"] {
  return (sent) =>
    trace.getTracer(LIBRARY).startActiveSpan("chat", { kind: SpanKind.CLIENT }, async (span) => {
      const headers: Record<string, string> = {};
      propagation.inject(context.active(), headers);
      try {
        return await send({ ...sent, headers });
      } finally {
        span.end();
      }
    });
}

let calls = 0;

function newCall(route: Route, body: BodyEnd): Call {
  const id = `call-${++calls}`;
  const traceId = calls.toString(16).padStart(32, "a");
  const traceState = createTraceState(`caller=${id}`);
  return {
    id,
    route,
    body,
    remote: { traceId, spanId: traceId.slice(16), traceFlags: TraceFlags.SAMPLED, isRemote: true, traceState },
  };
}

/** The context of a request with trace context and baggage, as a server's instrumentation makes it. */
function incomingContext({ id, remote }: Call): Context {
  const members = Object.fromEntries(BAGGAGE_KEYS.map((key) => [key, { value: baggageValue(key, id) }]));
  return propagation.setBaggage(trace.setSpanContext(ROOT_CONTEXT, remote), propagation.createBaggage(members));
}

export function baggageValue(key: string, call: string): string {
  return `${key}-of-${call}`;
}

function byStart(one: ReadableSpan, other: ReadableSpan): number {
  return one.startTime[0] - other.startTime[0] || one.startTime[1] - other.startTime[1];
}
