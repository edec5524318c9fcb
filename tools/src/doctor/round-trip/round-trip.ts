import type { Context, Span, SpanContext } from "@opentelemetry/api";
import type { Api, AppModules } from "../app-modules.ts";
import type { VisibleSpan } from "../checks/sdk.ts";
import { BAGGAGE_KEY, openLoopback } from "./loopback.ts";
import type { Arrival, Loopback } from "./loopback.ts";
import { observingContext } from "./observing-context.ts";

/** A CLIENT span of the call: its name, and the instrumentation scope that created it. */
export interface ClientSpan {
  readonly name: string;
  readonly scope: string;
}

/** A call over loopback, made inside a span and with baggage, and what the server received. */
export interface RoundTrip {
  /** What made the call: the global fetch as it is, or the global fetch wrapped by `wrapFetch`. */
  readonly via: "global fetch" | "wrapFetch";
  /** The trace in which the call was made. */
  readonly traceId: string;
  /** Why nothing was received; undefined if the request was received. */
  readonly failure: string | undefined;
  /** The received headers that carry context, with one value for each header line. */
  readonly received: Readonly<Record<string, readonly string[]>>;
  /** The received values of `traceparent`, also if several are in one header line. */
  readonly traceparents: readonly string[];
  readonly sameTrace: boolean;
  /** The span that the received `traceparent` names: a CLIENT span of the call, the span around the call, or a span that cannot be observed. */
  readonly parent: "client span" | "caller" | "unseen" | "none";
  /** The call's CLIENT spans; undefined if they cannot be observed (no SDK, not sampled, or an SDK whose spans have no public fields). */
  readonly clientSpans: readonly ClientSpan[] | undefined;
  /** Whether a `tracestate` was received; undefined if the caller's span had none. */
  readonly tracestate: boolean | undefined;
  /** Whether the baggage member was received. */
  readonly baggage: boolean;
  /** Whether the receiving handler was in the trace after an await. */
  readonly continued: boolean;
  /** Whether the receiving handler found the baggage member after an await. */
  readonly baggageContinued: boolean;
  /** The time from the call to the end of its response. */
  readonly milliseconds: number;
}

/** Headers by which tracers carry context. */
const CONTEXT_HEADERS =
  /^(?:traceparent|tracestate|baggage|b3|x-b3-.*|uber-trace-id|uberctx-.*|x-amzn-trace-id|x-cloud-trace-context|ot-tracer-.*|sentry-trace|x-datadog-.*|newrelic)$/;

/**
 * Makes one call.
 *
 * @param span the span around the call; if it is invalid, because there is no SDK, ids are generated as if a caller had sent them.
 * @throws if no server can be started on loopback.
 */
export async function makeRoundTrip(
  modules: AppModules,
  span: Span,
  via: RoundTrip["via"],
  timeout: number,
): Promise<RoundTrip | undefined> {
  const { api, redactText, wrapFetch } = modules;
  const loopback = await openLoopback(modules);
  if (loopback === undefined) return undefined;
  const caller = api.isSpanContextValid(span.spanContext()) ? span : generatedSpan(api);
  const { traceId } = caller.spanContext();
  const spans = new Set<Span>();
  const started = performance.now();
  let failure: string | undefined;
  try {
    const fetch =
      via === "wrapFetch"
        ? wrapFetch((...args: Parameters<typeof globalThis.fetch>) => globalThis.fetch(...args))
        : globalThis.fetch;
    await api.context.with(observingContext(api, contextOf(api, caller), spans), callOnce, undefined, fetch, loopback, timeout);
  } catch (error) {
    failure = redactText(describeError(error));
  } finally {
    await loopback.close();
  }
  const milliseconds = performance.now() - started;
  const arrival = loopback.arrival();
  failure ??= arrival === undefined ? "other code answered it, and it did not reach its server" : undefined;
  const result = evaluate(api, arrival, caller.spanContext(), visibleSpans(span, spans, arrival));
  return { via, traceId, failure, ...result, milliseconds };
}

/** Whether a2a-otel's propagator writes `traceparent` for the context of the call, without any policy. */
export function writesTraceparent({ api, injectTraceContext }: AppModules, span: Span): boolean {
  const caller = api.isSpanContextValid(span.spanContext()) ? span : generatedSpan(api);
  const carrier: Record<string, string> = {};
  injectTraceContext(carrier, contextOf(api, caller));
  return carrier["traceparent"] !== undefined;
}

/** Makes a call outside of any trace, so that what is set up by the first call is set up (`a2a-otel/register`). */
export async function makeFirstCall(modules: AppModules, timeout: number): Promise<void> {
  const loopback = await openLoopback(modules);
  if (loopback === undefined) return;
  try {
    await callOnce(globalThis.fetch, loopback, timeout);
  } catch {
    // The round trip that follows reports the failure.
  } finally {
    await loopback.close();
  }
}

async function callOnce(fetch: typeof globalThis.fetch, { url }: Loopback, timeout: number): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeout), cache: "no-store" });
  await response.text();
}

/** The span of an imaginary caller, with generated ids. It has a tracestate, which spans that begin in this process do not have. */
function generatedSpan({ createTraceState, trace }: Api): Span {
  const traceState = createTraceState("a2aotel=doctor");
  return trace.wrapSpanContext({ traceId: randomHex(16), spanId: randomHex(8), traceFlags: 1, isRemote: true, traceState });
}

function randomHex(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function contextOf({ ROOT_CONTEXT, propagation, trace }: Api, caller: Span): Context {
  const baggage = propagation.createBaggage({ [BAGGAGE_KEY]: { value: "1" } });
  return propagation.setBaggage(trace.setSpan(ROOT_CONTEXT, caller), baggage);
}

/** Tracers that keep 64 bits of a trace id (Datadog) report it padded with zeros. */
function isSameTrace(one: string | undefined, other: string): boolean {
  if (one === other) return true;
  const padding = "0".repeat(16);
  return one?.slice(16) === other.slice(16) && (one.startsWith(padding) || other.startsWith(padding));
}

/** The observed spans of the call, including a2a-otel's own; undefined if spans have no public fields. */
function visibleSpans(caller: Span, observed: Set<Span>, arrival: Arrival | undefined): Span[] | undefined {
  if (!caller.isRecording() || typeof (caller as VisibleSpan).kind !== "number") return undefined;
  if (arrival?.clientSpan !== undefined) observed.add(arrival.clientSpan);
  return [...observed];
}

type Evaluation = Omit<RoundTrip, "via" | "traceId" | "failure" | "milliseconds">;

function evaluate({ SpanKind }: Api, arrival: Arrival | undefined, caller: SpanContext, spans: Span[] | undefined): Evaluation {
  const received = contextHeaders(arrival?.rawHeaders ?? []);
  const traceparents = (received["traceparent"] ?? []).flatMap((line) => line.split(",")).map((value) => value.trim());
  const [, traceId, spanId] = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-[\da-f]{2}/.exec(traceparents[0] ?? "") ?? [];
  const clients = spans?.filter((span) => (span as VisibleSpan).kind === SpanKind.CLIENT);
  const isClientSpan = clients?.some((span) => span.spanContext().spanId === spanId) === true;
  return {
    received,
    traceparents,
    sameTrace: isSameTrace(traceId, caller.traceId),
    parent: spanId === undefined ? "none" : isClientSpan ? "client span" : spanId === caller.spanId ? "caller" : "unseen",
    clientSpans: clients?.map((span) => ({ name: (span as VisibleSpan).name ?? "", scope: scopeOf(span) })),
    tracestate: caller.traceState === undefined ? undefined : received["tracestate"] !== undefined,
    baggage: (received["baggage"] ?? []).join(",").includes(BAGGAGE_KEY),
    continued: isSameTrace(arrival?.traceId, caller.traceId),
    baggageContinued: arrival?.baggage === true,
  };
}

function contextHeaders(rawHeaders: readonly string[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    if (CONTEXT_HEADERS.test(name)) (found[name] ??= []).push(rawHeaders[i + 1] as string);
  }
  return found;
}

function scopeOf(span: Span): string {
  const { instrumentationScope, instrumentationLibrary } = span as VisibleSpan;
  return (instrumentationScope ?? instrumentationLibrary)?.name ?? "an unknown scope";
}

function describeError(error: unknown): string {
  const { name, message, cause } = error as Error;
  const reason = (cause as Error | undefined)?.message;
  return `${name}: ${message.replace(/\.$/, "")}${reason === undefined || reason === "" ? "" : ` (${reason})`}`;
}
