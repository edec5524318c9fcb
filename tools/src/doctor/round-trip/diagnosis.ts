import type { Instrumentations } from "../checks/instrumentations.ts";
import { propagatorsFor } from "../checks/propagator.ts";
import type { Findings } from "../findings.ts";
import type { RoundTrip } from "./round-trip.ts";

/** What the verdict on a round trip takes into account. */
export interface Circumstances {
  /** Why no trace can be found again, which has been said already; undefined where it can. */
  readonly trouble: string | undefined;
  readonly hasSdk: boolean;
  readonly fields: readonly string[];
  readonly instrumentations: Instrumentations;
  /** The same call through `wrapFetch`; made where the first one arrived without any trace context. */
  readonly wrapped: RoundTrip | undefined;
}

/** Says what came out of a round trip. */
export function diagnose(findings: Findings, trip: RoundTrip, circumstances: Circumstances): void {
  if (trip.failure !== undefined) return didNotArrive(findings, trip.failure);
  if (trip.traceparents.length === 0) return cameWithout(findings, trip, circumstances);
  const count = findings.all.length;
  if (trip.traceparents.length > 1) twoValues(findings, trip, circumstances);
  else if (!trip.sameTrace) otherTrace(findings, trip, circumstances);
  if ((trip.clientSpans?.length ?? 0) > 1) twoSpans(findings, trip);
  if (findings.all.length > count) return;
  lost(findings, trip, circumstances);
  parentOf(findings, trip, circumstances);
  if (findings.all.slice(count).every(({ level }) => level !== "error")) arrived(findings, trip);
}

function arrived(findings: Findings, trip: RoundTrip): void {
  const [client] = trip.clientSpans ?? [];
  const parent =
    trip.parent === "caller"
      ? "the span around the call is its parent"
      : trip.parent === "client span" && client !== undefined
        ? `its parent is the one CLIENT span, "${client.name}" of ${client.scope}`
        : `its parent is a span that ${trip.traceparents[0]?.endsWith("-00") === true ? "is not sampled" : "cannot be seen from here"}`;
  const along = [...(trip.tracestate === true ? ["tracestate"] : []), ...(trip.baggage ? ["baggage"] : [])].join(" and ");
  findings.ok(
    "round-trip",
    `A call over loopback through the global fetch arrived after ${trip.milliseconds.toFixed(1)} ms with one traceparent, of the caller's trace: ${parent}.` +
      `${along === "" ? "" : ` With it came ${along}.`}${trip.continued ? " The handler that received it went on in that trace." : ""}`,
  );
}

function didNotArrive(findings: Findings, failure: string): void {
  findings.error(
    "round-trip",
    `A call over loopback through the global fetch did not come back: ${failure}.`,
    "look at what the process does to its own calls: a mock (msw, MockAgent, nock), a firewall, a dispatcher that sends calls elsewhere.",
  );
}

const INSTRUMENT = 'call instrumentFetch() of "a2a-otel/fetch" at the start, or run `node --import a2a-otel/register app.js`.';

function cameWithout(findings: Findings, { received }: RoundTrip, circumstances: Circumstances): void {
  const { fields, trouble, instrumentations, wrapped } = circumstances;
  const { ownFetch, foreignFetch, subscribers, adapters, http } = instrumentations;
  const others = Object.keys(received).filter((name) => name !== "baggage");
  const instead = others.length === 0 ? "" : `, though with ${others.join(", ")}`;
  const call = `A call over loopback through the global fetch arrived without traceparent${instead}`;
  const carriesWrapped = wrapped !== undefined && wrapped.traceparents.length > 0;
  if (others.some((name) => fields.includes(name)) && !fields.includes("traceparent")) {
    findings.warn(
      "round-trip",
      `${call}. A2A callers elsewhere expect W3C Trace Context, and begin a trace of their own.`,
      propagatorsFor(others),
    );
  } else if (!ownFetch && !foreignFetch && subscribers === 0) {
    const nobody = `${call}: nobody instruments the global fetch`;
    if (adapters.length > 0 || http) {
      findings.warn("fetch", `${nobody}. If all calls to agents go through another client, that is no loss.`, INSTRUMENT);
    } else {
      const along = carriesWrapped ? " Through wrapFetch() the same call carries the trace." : "";
      findings.error("fetch", `${nobody}, so the trace ends here.${along}`, INSTRUMENT);
    }
  } else if (trouble !== undefined) {
    findings.error("round-trip", `${call}: ${trouble} it is not known in which trace the call is made (see above).`);
  } else if (!carriesWrapped) {
    const why = fields.includes("traceparent")
      ? "the registered propagator says that it writes traceparent, and wrote none for the call's context"
      : `the propagator in use writes none (it writes ${fields.join(", ") || "nothing"})`;
    findings.error(
      "round-trip",
      `${call}, through wrapFetch() too: ${why}.`,
      "OTEL_PROPAGATORS=tracecontext,baggage, another propagator for the SDK, or one for these calls alone: `instrumentFetch({ propagator })`.",
    );
  } else if (ownFetch) {
    findings.warn(
      "round-trip",
      `${call}, though instrumentFetch() is in effect; with options of its own wrapFetch() sends one. So an option keeps 127.0.0.1 out ` +
        "(propagateTo, ignoreRequestHook, propagator), which may be meant so.",
    );
  } else {
    findings.warn(
      "round-trip",
      `${call}. An instrumentation other than a2a-otel's is at work on the global fetch, and does not send it, at least not to 127.0.0.1.`,
      `look for its option that says to whom it propagates (propagateContextUrls of @vercel/otel); or ${INSTRUMENT}`,
    );
  }
}

function twoValues(findings: Findings, { traceparents }: RoundTrip, { instrumentations }: Circumstances): void {
  const { ownFetch, foreignFetch, subscribers } = instrumentations;
  const suspects = [
    ...(subscribers > 1 ? [`${subscribers} subscribers to undici's channels, of which each appends its own`] : []),
    ...(subscribers === 1 ? ["instrumentation-undici, which appends its own to whatever is there"] : []),
    ...(foreignFetch || ownFetch
      ? ["code of the application that puts a traceparent on calls by hand, beneath or around the global fetch"]
      : []),
  ];
  findings.error(
    "round-trip",
    `A call over loopback through the global fetch arrived with ${traceparents.length} values of traceparent: ${traceparents.join(" and ")}. Whoever receives ` +
      `several discards them all, as W3C Trace Context says, so the trace ends here.${suspects.length === 0 ? "" : ` Suspects: ${suspects.join("; ")}.`}`,
    ownFetch
      ? "take the hand-written header out, the CLIENT span's is the right one; or call instrumentFetch() before the other wrapper is put on, so that it is the inner one."
      : 'leave one of them; or call instrumentFetch() of "a2a-otel/fetch", beside which instrumentation-undici keeps out, and take hand-written headers out.',
  );
}

function otherTrace(findings: Findings, { traceparents, traceId }: RoundTrip, { trouble }: Circumstances): void {
  const what = `A call over loopback through the global fetch arrived with a traceparent of another trace: ${String(traceparents[0])} and not ${traceId}`;
  if (trouble === undefined) {
    findings.error(
      "round-trip",
      `${what}. Something puts on a traceparent that it has from elsewhere, or starts its span without looking at the active context.`,
      "look for code that sets the header by hand, or for a span that is started with `root: true`.",
    );
  } else findings.error("round-trip", `${what}: ${trouble} each call begins a trace of its own (see above).`);
}

function twoSpans(findings: Findings, { clientSpans = [] }: RoundTrip): void {
  const scopes = clientSpans.map(({ name, scope }) => `"${name}" of ${scope}`);
  findings.error(
    "double-spans",
    `One call made ${clientSpans.length} CLIENT spans: ${scopes.join(", ")}. Each call is counted ${clientSpans.length} times, and the server hangs under one of them.`,
    "leave one: switch the other's fetch or undici instrumentation off, or leave out instrumentFetch(). Two instances of one instrumentation are one too many.",
  );
}

/** What did not go along, or was not found again. */
function lost(findings: Findings, trip: RoundTrip, { fields, instrumentations }: Circumstances): void {
  const writesBaggage = fields.length === 0 || fields.includes("baggage");
  if (!trip.baggage && writesBaggage) {
    const why = instrumentations.ownFetch
      ? "An option of instrumentFetch() keeps it back (baggageTo, baggageKeys), which may be meant so."
      : "The instrumentation at work does not send it.";
    findings.warn("baggage", `The baggage did not go along with the call. ${why}`);
  }
  if (trip.tracestate === false) {
    findings.warn(
      "tracestate",
      "The tracestate did not go along with the call: what vendors keep in it (sampling among it) is lost here.",
    );
  }
  if (!trip.continued) {
    findings.error(
      "receiving",
      "The call arrived with the trace, but the handler that received it behind traceRequests() was not in it.",
    );
  } else if (trip.baggage && !trip.baggageContinued) {
    findings.warn(
      "receiving",
      "The baggage arrived, but the handler that received it behind traceRequests() did not find it: the propagator in use does not read it.",
      "OTEL_PROPAGATORS=tracecontext,baggage, or add a W3CBaggagePropagator.",
    );
  }
}

function parentOf(findings: Findings, { parent, clientSpans }: RoundTrip, { hasSdk }: Circumstances): void {
  if (!hasSdk || parent !== "caller" || clientSpans === undefined) return;
  findings.warn(
    "client-span",
    clientSpans.length === 0
      ? "The call carried the trace, but no CLIENT span was made for it: its duration and its errors are not seen."
      : "The call made a CLIENT span, but carried the traceparent of the span around it: the server's span hangs beside the CLIENT span and not under it.",
    INSTRUMENT,
  );
}
