import type { Instrumentations } from "../checks/instrumentations.ts";
import { propagatorsFor } from "../checks/propagator.ts";
import type { Findings } from "../findings.ts";
import type { RoundTrip } from "./round-trip.ts";

/** What the diagnosis of a round trip takes into account. */
export interface Circumstances {
  /** Why the call cannot find its trace, which an earlier finding reports; undefined if it can. */
  readonly contextProblem: string | undefined;
  readonly hasSdk: boolean;
  readonly fields: readonly string[];
  readonly instrumentations: Instrumentations;
  /**
   * The same call through `wrapFetch`. It is made if the first call arrived without any trace context and a2a-otel does not instrument the global
   * fetch; otherwise the policy of `instrumentFetch()` would apply to it too.
   */
  readonly wrapped: RoundTrip | undefined;
  /** Whether the propagator in use writes `traceparent` for the context of the call. */
  readonly writesTraceparent: boolean;
}

const CALL = "A call over loopback through the global fetch";
const INSTRUMENT = 'Call instrumentFetch() of "a2a-otel/fetch" at the start, or run `node --import a2a-otel/register app.js`.';

/** Reports what a round trip shows. */
export function diagnose(findings: Findings, trip: RoundTrip, circumstances: Circumstances): void {
  if (trip.failure !== undefined) return reportFailure(findings, trip.failure);
  if (trip.traceparents.length === 0) return reportMissingTraceparent(findings, trip, circumstances);
  const count = findings.all.length;
  if (trip.traceparents.length > 1) reportSeveralTraceparents(findings, trip, circumstances);
  else if (!trip.sameTrace) reportOtherTrace(findings, trip, circumstances);
  if ((trip.clientSpans?.length ?? 0) > 1) reportSeveralSpans(findings, trip);
  if (findings.all.length > count) return;
  reportLosses(findings, trip, circumstances);
  reportParent(findings, trip, circumstances);
  if (findings.all.slice(count).every(({ level }) => level !== "error")) reportSuccess(findings, trip);
}

function reportSuccess(findings: Findings, trip: RoundTrip): void {
  const extras = [...(trip.tracestate === true ? ["tracestate"] : []), ...(trip.baggage ? ["baggage"] : [])].join(" and ");
  const sentences = [
    `${CALL} arrived after ${trip.milliseconds.toFixed(1)} ms with one traceparent of the caller's trace. ${describeParent(trip)}`,
    ...(extras === "" ? [] : [`It also carried ${extras}.`]),
    ...(trip.continued ? ["The handler that received it continued the trace."] : []),
  ];
  findings.ok("round-trip", sentences.join(" "));
}

function ownName({ ownNode }: Instrumentations): string {
  return ownNode ? "instrumentNode()" : "instrumentFetch()";
}

function describeParent({ parent, clientSpans, traceparents }: RoundTrip): string {
  const [client] = clientSpans ?? [];
  if (parent === "caller") return "Its parent is the span around the call.";
  if (parent === "client span" && client !== undefined)
    return `Its parent is the only CLIENT span, "${client.name}" of ${client.scope}.`;
  const isUnsampled = traceparents[0]?.endsWith("-00") === true;
  return `Its parent is a span that ${isUnsampled ? "is not sampled" : "cannot be observed"}.`;
}

function reportFailure(findings: Findings, failure: string): void {
  findings.error(
    "round-trip",
    `${CALL} failed: ${failure}.`,
    "Check what the process does with its own calls: a mock (msw, MockAgent, nock), a firewall, or a dispatcher that redirects calls.",
  );
}

function reportMissingTraceparent(findings: Findings, { received }: RoundTrip, circumstances: Circumstances): void {
  const { fields, contextProblem, instrumentations, wrapped, writesTraceparent } = circumstances;
  const { ownFetch, otherFetch, subscribers } = instrumentations;
  const others = Object.keys(received).filter((name) => name !== "baggage");
  const instead = others.length === 0 ? "" : `, but with ${others.join(", ")}`;
  const call = `${CALL} arrived without traceparent${instead}`;
  const wrappedCallCarries = wrapped !== undefined && wrapped.traceparents.length > 0;
  if (others.some((name) => fields.includes(name)) && !fields.includes("traceparent")) {
    findings.warn(
      "round-trip",
      `${call}. Other A2A agents expect W3C Trace Context, and begin a new trace.`,
      propagatorsFor(others),
    );
  } else if (!ownFetch && !otherFetch && subscribers === 0) {
    reportUninstrumentedFetch(findings, call, circumstances, wrappedCallCarries);
  } else if (contextProblem !== undefined) {
    findings.error(
      "round-trip",
      `${call}: ${contextProblem}, the call does not find its trace. An earlier finding describes the cause.`,
    );
  } else if (ownFetch ? !writesTraceparent : !wrappedCallCarries) {
    const reason = fields.includes("traceparent")
      ? "The registered propagator lists traceparent among its fields, but it wrote none for the context of this call."
      : `The propagator in use does not write it (it writes ${fields.join(", ") || "nothing"}).`;
    findings.error(
      "round-trip",
      `${call}${ownFetch ? "" : ", also through wrapFetch()"}. ${reason}`,
      "OTEL_PROPAGATORS=tracecontext,baggage, another propagator for the SDK, or one for these calls alone: `instrumentFetch({ propagator })`.",
    );
  } else if (ownFetch) {
    findings.warn(
      "round-trip",
      `${call}, although ${ownName(instrumentations)} is active and the propagator in use writes it. An option of ${ownName(instrumentations)} excludes 127.0.0.1 ` +
        "(propagateTo, ignoreRequestHook or propagator), which may be intended.",
    );
  } else {
    findings.warn(
      "round-trip",
      `${call}. Another instrumentation than a2a-otel handles the global fetch, and it does not send traceparent, at least not to 127.0.0.1.`,
      `Check the option that lists where it propagates to (propagateContextUrls of @vercel/otel). Or: ${INSTRUMENT}`,
    );
  }
}

function reportUninstrumentedFetch(
  findings: Findings,
  call: string,
  { instrumentations: { adapters, http } }: Circumstances,
  wrappedCallCarries: boolean,
): void {
  const message = `${call}, because the global fetch is not instrumented`;
  if (adapters.length > 0 || http) {
    findings.warn("fetch", `${message}. If all calls to agents go through another client, no action is needed.`, INSTRUMENT);
    return;
  }
  const proof = wrappedCallCarries ? " Through wrapFetch() the same call carries the trace." : "";
  findings.error("fetch", `${message}. The trace ends here.${proof}`, INSTRUMENT);
}

function reportSeveralTraceparents(
  findings: Findings,
  { traceparents }: RoundTrip,
  { instrumentations: { ownFetch, otherFetch, subscribers } }: Circumstances,
): void {
  const causes = [
    ...(subscribers > 1 ? [`${subscribers} subscribers to undici's channels, each of which appends its own value`] : []),
    ...(subscribers === 1 ? ["instrumentation-undici, which appends its value to an existing one"] : []),
    ...(otherFetch || ownFetch ? ["code of the application that sets traceparent by hand"] : []),
  ];
  findings.error(
    "round-trip",
    `${CALL} arrived with ${traceparents.length} values of traceparent: ${traceparents.join(" and ")}. By W3C Trace Context a receiver ignores all of ` +
      `them, so the trace ends here.${causes.length === 0 ? "" : ` Possible causes: ${causes.join("; ")}.`}`,
    ownFetch
      ? "Remove the header that is set by hand, because the CLIENT span sets the right one. Or call instrumentFetch() before the other wrapper is installed, so " +
          "that it is the inner one."
      : 'Keep one of them. Or call instrumentFetch() of "a2a-otel/fetch", which keeps instrumentation-undici from adding its own, and remove headers that are ' +
          "set by hand.",
  );
}

function reportOtherTrace(findings: Findings, { traceparents, traceId }: RoundTrip, { contextProblem }: Circumstances): void {
  const message = `${CALL} arrived with a traceparent of another trace: ${String(traceparents[0])}, instead of the trace ${traceId}`;
  if (contextProblem === undefined) {
    findings.error(
      "round-trip",
      `${message}. Some code sends a traceparent that it has stored, or starts its span without using the active context.`,
      "Search for code that sets the header by hand, and for spans that are started with `root: true`.",
    );
    return;
  }
  findings.error(
    "round-trip",
    `${message}: ${contextProblem}, each call begins a new trace. An earlier finding describes the cause.`,
  );
}

function reportSeveralSpans(findings: Findings, { clientSpans = [] }: RoundTrip): void {
  const spans = clientSpans.map(({ name, scope }) => `"${name}" of ${scope}`);
  findings.error(
    "double-spans",
    `One call has ${clientSpans.length} CLIENT spans: ${spans.join(", ")}. It is counted ${clientSpans.length} times, and the server's span is the child of one ` +
      "of them.",
    "Keep one instrumentation: disable the other's instrumentation of fetch or undici, or remove instrumentFetch(). Do not install one instrumentation twice.",
  );
}

/** Reports what the call did not carry, or what the receiving handler did not find. */
function reportLosses(findings: Findings, trip: RoundTrip, { fields, instrumentations }: Circumstances): void {
  const writesBaggage = fields.length === 0 || fields.includes("baggage");
  if (!trip.baggage && writesBaggage) {
    const reason = instrumentations.ownFetch
      ? `An option of ${ownName(instrumentations)} withholds it (baggageTo or baggageKeys), which may be intended.`
      : "The active instrumentation does not send it.";
    findings.warn("baggage", `The call did not carry the baggage. ${reason}`);
  }
  if (trip.tracestate === false) {
    findings.warn(
      "tracestate",
      "The call did not carry the tracestate. What vendors store in it, such as sampling decisions, is lost here.",
    );
  }
  if (!trip.continued) {
    findings.error(
      "receiving",
      "The call arrived with the trace, but the handler behind traceRequests() that received it did not run in that trace.",
    );
  } else if (trip.baggage && !trip.baggageContinued) {
    findings.warn(
      "receiving",
      "The baggage arrived, but the handler behind traceRequests() that received it did not find it, because the propagator in use does not read baggage.",
      "OTEL_PROPAGATORS=tracecontext,baggage, or add a W3CBaggagePropagator.",
    );
  }
}

function reportParent(findings: Findings, { parent, clientSpans }: RoundTrip, { hasSdk }: Circumstances): void {
  if (!hasSdk || parent !== "caller" || clientSpans === undefined) return;
  findings.warn(
    "client-span",
    clientSpans.length === 0
      ? "The call carried the trace, but it has no CLIENT span: its duration and its errors are not recorded."
      : "The call has a CLIENT span, but carried the traceparent of the span around it: the server's span is not a child of the CLIENT span.",
    INSTRUMENT,
  );
}
