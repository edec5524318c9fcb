import type { Context, Span, SpanContext } from "@opentelemetry/api";
import type { Api, AppModules } from "../app-modules.ts";
import { MEMBER, openLoopback } from "./loopback.ts";
import type { Arrival, Loopback } from "./loopback.ts";
import { observingContext } from "./observing-context.ts";
import type { VisibleSpan } from "../checks/sdk.ts";

/** A CLIENT span of the call, by its name and by whose it is. */
export interface ClientSpan {
  readonly name: string;
  readonly scope: string;
}

/** A real call over loopback, made inside a span and with baggage, and what arrived. */
export interface RoundTrip {
  /** What made the call: the global fetch as it is, or one that `wrapFetch` has wrapped. */
  readonly via: "global fetch" | "wrapFetch";
  /** The trace that the call was made in. */
  readonly traceId: string;
  /** Why nothing arrived; undefined where something did. */
  readonly failure: string | undefined;
  /** The headers that carry context, as they came over the wire: a value for each line. */
  readonly received: Readonly<Record<string, readonly string[]>>;
  /** The values of `traceparent`, also of several in one line. */
  readonly traceparents: readonly string[];
  readonly sameTrace: boolean;
  /** What the received `traceparent` names as the parent: a CLIENT span of the call, the span around the call, or a span that cannot be seen. */
  readonly parent: "client span" | "caller" | "unseen" | "none";
  /** The call's CLIENT spans; undefined where they cannot be seen: no SDK, not sampled, or an SDK whose spans show nothing. */
  readonly clientSpans: readonly ClientSpan[] | undefined;
  /** Whether a `tracestate` arrived on the wire; undefined where the caller's span had none. */
  readonly tracestate: boolean | undefined;
  /** Whether the baggage member arrived on the wire. */
  readonly baggage: boolean;
  /** Whether the receiving handler was in the trace, behind an await. */
  readonly continued: boolean;
  /** Whether it found the baggage member there. */
  readonly baggageContinued: boolean;
  /** From the call to the end of its response. */
  readonly milliseconds: number;
}

/** Headers by which tracers carry context. */
const CARRIERS =
  /^(?:traceparent|tracestate|baggage|b3|x-b3-.*|uber-trace-id|uberctx-.*|x-amzn-trace-id|x-cloud-trace-context|ot-tracer-.*|sentry-trace|x-datadog-.*|newrelic)$/;

/**
 * Makes one call.
 *
 * @param span what the call is made in; without an SDK it is none, and ids are made up, as if a caller had sent them.
 * @throws where no server can be opened on loopback.
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
  const around = api.isSpanContextValid(span.spanContext()) ? span : madeUpSpan(api);
  const { traceId } = around.spanContext();
  const seen = new Set<Span>();
  const started = performance.now();
  let failure: string | undefined;
  try {
    const fetch =
      via === "wrapFetch"
        ? wrapFetch((...args: Parameters<typeof globalThis.fetch>) => globalThis.fetch(...args))
        : globalThis.fetch;
    await api.context.with(observingContext(api, contextOf(api, around), seen), callOnce, undefined, fetch, loopback, timeout);
  } catch (error) {
    failure = redactText(reasonOf(error));
  } finally {
    await loopback.close();
  }
  const milliseconds = performance.now() - started;
  const arrival = loopback.arrived();
  failure ??= arrival === undefined ? "somebody else answered it, and it never came to its server" : undefined;
  return { via, traceId, failure, ...read(api, arrival, around.spanContext(), spansOf(span, seen, arrival)), milliseconds };
}

/** A call outside of any trace: what waits for the first call (`a2a-otel/register`) does its work. */
export async function makeFirstCall(modules: AppModules, timeout: number): Promise<void> {
  const loopback = await openLoopback(modules);
  if (loopback === undefined) return;
  try {
    await callOnce(globalThis.fetch, loopback, timeout);
  } catch {
    // The round trip that follows will say so.
  } finally {
    await loopback.close();
  }
}

async function callOnce(fetch: typeof globalThis.fetch, { url }: Loopback, timeout: number): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeout), cache: "no-store" });
  await response.text();
}

/** The span of a caller that there is not: with ids that are made up, and a tracestate, which spans that begin here have none of. */
function madeUpSpan({ createTraceState, trace }: Api): Span {
  const traceState = createTraceState("a2aotel=doctor");
  return trace.wrapSpanContext({ traceId: randomHex(16), spanId: randomHex(8), traceFlags: 1, isRemote: true, traceState });
}

function randomHex(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function contextOf({ ROOT_CONTEXT, propagation, trace }: Api, around: Span): Context {
  const baggage = propagation.createBaggage({ [MEMBER]: { value: "1" } });
  return propagation.setBaggage(trace.setSpan(ROOT_CONTEXT, around), baggage);
}

/** Tracers that keep 64 bits of a trace id (Datadog's) show it padded with zeros. */
function isSameTrace(one: string | undefined, other: string): boolean {
  if (one === other) return true;
  const padding = "0".repeat(16);
  return one?.slice(16) === other.slice(16) && (one.startsWith(padding) || other.startsWith(padding));
}

/** The spans of the call that can be seen, ours among them; undefined where spans show nothing of themselves. */
function spansOf(around: Span, seen: Set<Span>, arrival: Arrival | undefined): Span[] | undefined {
  if (!around.isRecording() || typeof (around as VisibleSpan).kind !== "number") return undefined;
  if (arrival?.ownSpan !== undefined) seen.add(arrival.ownSpan);
  return [...seen];
}

type Read = Omit<RoundTrip, "via" | "traceId" | "failure" | "milliseconds">;

function read({ SpanKind }: Api, arrival: Arrival | undefined, around: SpanContext, spans: Span[] | undefined): Read {
  const received = carriersOf(arrival?.rawHeaders ?? []);
  const traceparents = (received["traceparent"] ?? []).flatMap((line) => line.split(",")).map((value) => value.trim());
  const [, traceId, spanId] = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-[\da-f]{2}/.exec(traceparents[0] ?? "") ?? [];
  const clients = spans?.filter((span) => (span as VisibleSpan).kind === SpanKind.CLIENT);
  const isClients = clients?.some((span) => span.spanContext().spanId === spanId) === true;
  return {
    received,
    traceparents,
    sameTrace: isSameTrace(traceId, around.traceId),
    parent: spanId === undefined ? "none" : isClients ? "client span" : spanId === around.spanId ? "caller" : "unseen",
    clientSpans: clients?.map((span) => ({ name: (span as VisibleSpan).name ?? "", scope: scopeOf(span) })),
    tracestate: around.traceState === undefined ? undefined : received["tracestate"] !== undefined,
    baggage: (received["baggage"] ?? []).join(",").includes(MEMBER),
    continued: isSameTrace(arrival?.traceId, around.traceId),
    baggageContinued: arrival?.baggage === true,
  };
}

function carriersOf(rawHeaders: readonly string[]): Record<string, string[]> {
  const carriers: Record<string, string[]> = {};
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    if (CARRIERS.test(name)) (carriers[name] ??= []).push(rawHeaders[i + 1] as string);
  }
  return carriers;
}

function scopeOf(span: Span): string {
  const { instrumentationScope, instrumentationLibrary } = span as VisibleSpan;
  return (instrumentationScope ?? instrumentationLibrary)?.name ?? "somebody";
}

function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error;
  const reason = (cause as Error | undefined)?.message;
  return `${name}: ${message.replace(/\.$/, "")}${reason === undefined || reason === "" ? "" : ` (${reason})`}`;
}
