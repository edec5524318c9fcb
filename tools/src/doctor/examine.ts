import type { Span, TracerProvider } from "@opentelemetry/api";
import type { AppModules } from "./app-modules.ts";
import { checkContextManager } from "./checks/context-manager.ts";
import { checkApi, checkOwnCopies, findCopies } from "./checks/copies.ts";
import type { Copies } from "./checks/copies.ts";
import { checkEnvironment } from "./checks/environment.ts";
import type { Environment } from "./checks/environment.ts";
import { checkFlush } from "./checks/flush.ts";
import { checkInstrumentations, findInstrumentations } from "./checks/instrumentations.ts";
import type { Instrumentations } from "./checks/instrumentations.ts";
import { tryGet } from "./try-get.ts";
import { checkPropagator } from "./checks/propagator.ts";
import { proxyInTheWay } from "./round-trip/proxy.ts";
import { reportOf } from "./report.ts";
import { collectFindings } from "./findings.ts";
import type { DoctorReport } from "./report.ts";
import type { Findings } from "./findings.ts";
import { makeFirstCall, makeRoundTrip } from "./round-trip/round-trip.ts";
import type { RoundTrip } from "./round-trip/round-trip.ts";
import { checkRuntime, currentRuntime, runtimeName } from "./checks/runtime.ts";
import type { Runtime } from "./checks/runtime.ts";
import { checkNoSdk, checkSdk, registeredProvider } from "./checks/sdk.ts";
import { diagnose } from "./round-trip/diagnosis.ts";

/** What to examine, every option with its value. */
export interface Examination {
  readonly modules: AppModules;
  /** The files that the process had loaded before the doctor loaded any; undefined where that cannot be seen. */
  readonly files: readonly string[] | undefined;
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
  readonly copies: Copies;
  /** Whether what is registered can be seen by our copy of the API. */
  readonly isVisible: boolean;
}

/** Looks at everything, in the order in which it is told. Never throws. */
export async function examine(examination: Examination): Promise<DoctorReport> {
  const { modules, files } = examination;
  const findings = collectFindings(modules.redactText);
  const runtime = currentRuntime();
  const environment: Environment = tryGet(() => ({ ...process.env })) ?? {};
  const copies = findCopies(files, examination.entry, modules.location);
  const seen = { findings, runtime, environment, copies };
  const { version } = modules.getDiagnostics();

  checkRuntime(findings, runtime, version);
  const isVisible = await guarded(findings, "the copies of @opentelemetry/api", () => checkApi(findings, modules.api, copies));
  await guarded(findings, "the copies of a2a-otel", () => checkOwnCopies(findings, copies));
  await guarded(findings, "the environment", () => checkEnvironment(findings, environment));
  const isSomebodyThere = examination.hasApplication || registeredProvider(modules) !== undefined || hasContextManager(modules);
  const roundTrip = isSomebodyThere
    ? await examineTelemetry({ ...examination, ...seen, isVisible: isVisible !== false })
    : undefined;
  return reportOf({
    findings: findings.all,
    runtime,
    version,
    propagation: modules.getDiagnostics().propagation,
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
  const { modules, findings, runtime, files, copies, timeout } = look;
  const whyNot = whyNoCall(look);
  const hadContextManager = hasContextManager(modules);
  // `a2a-otel/register` brings a context manager with the first call.
  if (whyNot === undefined && !hadContextManager) await guarded(findings, "a first call", () => makeFirstCall(modules, timeout));

  const provider = registeredProvider(modules);
  const span = (await guarded(findings, "the SDK", () => startSpan(modules, provider !== undefined))) ?? noSpan(modules);
  // What cannot be seen is not missing: to say so once is enough.
  if (look.isVisible) await examinePlaces(look, provider, span, !hadContextManager);
  const instrumentations = findInstrumentations(modules.getDiagnostics(), runtime, copies, files);
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
  const { modules, findings, copies, environment } = look;
  const diagnostics = modules.getDiagnostics();
  await guarded(findings, "the SDK", () =>
    provider === undefined
      ? checkNoSdk(findings, copies.loaded, environment, look.runtime)
      : checkSdk(findings, provider, span, environment),
  );
  await guarded(findings, "the context manager", () =>
    checkContextManager(findings, modules.api, diagnostics.propagation, setByCall),
  );
  await guarded(findings, "the propagator", () => checkPropagator(findings, diagnostics));
}

const noSpan = ({ api }: AppModules): Span => api.trace.wrapSpanContext(api.INVALID_SPAN_CONTEXT);

/** The span around the call: the only one that the doctor itself starts. */
function startSpan(modules: AppModules, hasSdk: boolean): Span {
  if (!hasSdk) return noSpan(modules);
  const { ROOT_CONTEXT, trace } = modules.api;
  const options = { root: true, attributes: { "a2a_otel.doctor": true } };
  return trace.getTracer("a2a-otel-doctor", modules.getDiagnostics().version).startSpan("a2a-otel doctor", options, ROOT_CONTEXT);
}

function whyNoCall({ roundTrip, runtime, environment }: Look): string | undefined {
  if (!roundTrip) return "it was not asked for";
  if (runtime.name === "workers" || tryGet(() => process.getBuiltinModule("node:http")) === undefined)
    return `${runtimeName(runtime)} has no server on loopback to receive it`;
  if (typeof globalThis.fetch !== "function") return "this runtime has no global fetch";
  const proxy = proxyInTheWay(runtime, environment, tryGet(() => process.execArgv) ?? []);
  return proxy && `it would go through ${proxy}, and the doctor sends nothing but to loopback`;
}

const hasContextManager = ({ getDiagnostics }: AppModules): boolean => getDiagnostics().propagation.contextManager !== "none";

async function tryCall(
  { modules, findings, timeout, isVisible }: Look,
  span: Span,
  hasSdk: boolean,
  instrumentations: Instrumentations,
): Promise<RoundTrip | undefined> {
  const trip = await makeRoundTrip(modules, span, "global fetch", timeout);
  if (trip === undefined) return undefined;
  const needsSecond = trip.failure === undefined && trip.traceparents.length === 0;
  const wrapped = needsSecond ? await makeRoundTrip(modules, span, "wrapFetch", timeout) : undefined;
  const { fields } = modules.getDiagnostics().propagation;
  const trouble = isVisible
    ? hasContextManager(modules)
      ? undefined
      : "without a context manager"
    : "since what is registered cannot be seen";
  diagnose(findings, trip, { trouble, hasSdk, fields, instrumentations, wrapped });
  if (hasSdk && span.isRecording()) {
    findings.ok(
      "spans",
      `These calls are in the trace ${trip.traceId}, named "a2a-otel doctor"; your exporter gets its spans like any others.`,
    );
  }
  return trip;
}
