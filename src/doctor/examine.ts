import { INVALID_SPAN_CONTEXT, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Span, TracerProvider } from "@opentelemetry/api";
import { propagationStatus } from "../core/telemetry/propagation-status.ts";
import { hasContextManager } from "../core/telemetry/tracer.ts";
import { VERSION } from "../core/telemetry/version.ts";
import { checkContextManager } from "./context.ts";
import { checkApi, checkOwnCopies, findCopies } from "./copies.ts";
import type { Copies } from "./copies.ts";
import { checkEnvironment } from "./environment.ts";
import type { Environment } from "./environment.ts";
import { checkFlush } from "./flush.ts";
import { checkInstrumentations, lookForInstrumentations } from "./instrumentations.ts";
import type { Instrumentations } from "./instrumentations.ts";
import { loadedFiles } from "./packages.ts";
import { peek } from "./peek.ts";
import { checkPropagator } from "./propagator.ts";
import { proxyInTheWay } from "./proxy.ts";
import { collectFindings, reportOf } from "./report.ts";
import type { DoctorReport, Findings } from "./report.ts";
import { makeFirstCall, makeRoundTrip } from "./round-trip.ts";
import type { RoundTrip } from "./round-trip.ts";
import { checkRuntime, currentRuntime, runtimeName } from "./runtime.ts";
import type { Runtime } from "./runtime.ts";
import { checkNoSdk, checkSdk, registeredProvider } from "./sdk.ts";
import { judge } from "./verdict.ts";

/** What to examine, every option with its value. */
export interface Examination {
  /** The application's first file, from which copies are looked for. */
  readonly entry: string | undefined;
  readonly roundTrip: boolean;
  readonly timeout: number;
  readonly flush: boolean;
  /** Whether an application is to be seen at all: else only its surroundings are looked at. */
  readonly hasApplication: boolean;
}

/** What the looks share. */
interface Look extends Examination {
  readonly findings: Findings;
  readonly runtime: Runtime;
  readonly environment: Environment;
  readonly files: readonly string[] | undefined;
  readonly copies: Copies;
  /** Whether what is registered can be seen by our copy of the API. */
  readonly isVisible: boolean;
}

/** Looks at everything, in the order in which it is told. Never throws. */
export async function examine(examination: Examination): Promise<DoctorReport> {
  const findings = collectFindings();
  const runtime = currentRuntime();
  const environment: Environment = peek(() => ({ ...process.env })) ?? {};
  // First of all, so that the application's own state is seen: a call loads more.
  const files = loadedFiles();
  const copies = findCopies(files, examination.entry);
  const seen = { findings, runtime, environment, files, copies };

  checkRuntime(findings, runtime, VERSION);
  const isVisible = await guarded(findings, "the copies of @opentelemetry/api", () => checkApi(findings, copies));
  await guarded(findings, "the copies of a2a-otel", () => checkOwnCopies(findings, copies));
  await guarded(findings, "the environment", () => checkEnvironment(findings, environment));
  const isSomebodyThere = examination.hasApplication || registeredProvider() !== undefined || hasContextManager();
  const roundTrip = isSomebodyThere
    ? await examineTelemetry({ ...examination, ...seen, isVisible: isVisible !== false })
    : undefined;
  return reportOf({
    findings: findings.all,
    runtime,
    version: VERSION,
    propagation: propagationStatus(),
    copies: [...copies.apis, ...copies.own],
    roundTrip,
  });
}

/** Runs one look; what it throws (a foreign object that is not what it seems) becomes a finding. */
async function guarded<Result>(
  findings: Findings,
  what: string,
  look: () => Result | Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await look();
  } catch (error) {
    findings.warn("doctor", `Looking at ${what} failed: ${String(error)}.`);
    return undefined;
  }
}

async function examineTelemetry(look: Look): Promise<RoundTrip | undefined> {
  const { findings, runtime, files, copies, timeout } = look;
  const whyNot = whyNoCall(look);
  const hadContextManager = hasContextManager();
  // `a2a-otel/register` brings a context manager with the first call.
  if (whyNot === undefined && !hadContextManager) await guarded(findings, "a first call", () => makeFirstCall(timeout));

  const provider = registeredProvider();
  const span = (await guarded(findings, "the SDK", () => startSpan(provider !== undefined))) ?? NO_SPAN;
  // What cannot be seen is not missing: to say so once is enough.
  if (look.isVisible) await examinePlaces(look, provider, span, !hadContextManager);
  const instrumentations = lookForInstrumentations(runtime, copies, files);
  checkInstrumentations(findings, instrumentations);

  let trip: RoundTrip | undefined;
  if (whyNot === undefined) {
    trip = await guarded(findings, "a call over loopback", () => tryCall(look, span, provider !== undefined, instrumentations));
  } else {
    const say = look.roundTrip ? findings.warn : findings.ok;
    say("round-trip", `No call was made over loopback: ${whyNot}. How a trace leaves this process was not seen.`);
  }
  await guarded(findings, "the SDK", () => span.end());
  if (look.flush && provider !== undefined) await checkFlush(findings, provider, timeout);
  return trip;
}

/** Looks at the places that the API has for an SDK. */
async function examinePlaces(look: Look, provider: TracerProvider | undefined, span: Span, setByCall: boolean): Promise<void> {
  const { findings, copies, environment } = look;
  const inEffect = propagationStatus();
  await guarded(findings, "the SDK", () =>
    provider === undefined
      ? checkNoSdk(findings, copies.loaded, environment, look.runtime)
      : checkSdk(findings, provider, span, environment),
  );
  await guarded(findings, "the context manager", () => checkContextManager(findings, inEffect, setByCall));
  await guarded(findings, "the propagator", () => checkPropagator(findings, inEffect));
}

const NO_SPAN: Span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/** The span around the call: the only one that the doctor itself starts. */
function startSpan(hasSdk: boolean): Span {
  if (!hasSdk) return NO_SPAN;
  const options = { root: true, attributes: { "a2a_otel.doctor": true } };
  return trace.getTracer("a2a-otel-doctor", VERSION).startSpan("a2a-otel doctor", options, ROOT_CONTEXT);
}

function whyNoCall({ roundTrip, runtime, environment }: Look): string | undefined {
  if (!roundTrip) return "it was not asked for";
  if (runtime.name === "workers" || peek(() => process.getBuiltinModule("node:http")) === undefined)
    return `${runtimeName(runtime)} has no server on loopback to receive it`;
  if (typeof globalThis.fetch !== "function") return "this runtime has no global fetch";
  const proxy = proxyInTheWay(runtime, environment, peek(() => process.execArgv) ?? []);
  return proxy && `it would go through ${proxy}, and the doctor sends nothing but to loopback`;
}

async function tryCall(
  { findings, timeout, isVisible }: Look,
  span: Span,
  hasSdk: boolean,
  instrumentations: Instrumentations,
): Promise<RoundTrip | undefined> {
  const trip = await makeRoundTrip(span, "global fetch", timeout);
  if (trip === undefined) return undefined;
  const needsSecond = trip.failure === undefined && trip.traceparents.length === 0;
  const wrapped = needsSecond ? await makeRoundTrip(span, "wrapFetch", timeout) : undefined;
  const { fields } = propagationStatus();
  const trouble = isVisible
    ? hasContextManager()
      ? undefined
      : "without a context manager"
    : "since what is registered cannot be seen";
  judge(findings, trip, { trouble, hasSdk, fields, instrumentations, wrapped });
  if (hasSdk && span.isRecording()) {
    findings.ok(
      "spans",
      `These calls are in the trace ${trip.traceId}, named "a2a-otel doctor"; your exporter gets its spans like any others.`,
    );
  }
  return trip;
}
