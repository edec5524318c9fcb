import type { Span, TracerProvider } from "@opentelemetry/api";
import type { AppModules } from "./app-modules.ts";
import { checkContextManager } from "./checks/context-manager.ts";
import { checkApi, checkLibraryCopies, findCopies } from "./checks/copies.ts";
import type { Copies } from "./checks/copies.ts";
import { checkEnvironment } from "./checks/environment.ts";
import type { Environment } from "./checks/environment.ts";
import { checkFrameworks } from "./checks/frameworks.ts";
import { checkFlush } from "./checks/flush.ts";
import { checkInstrumentations, findInstrumentations } from "./checks/instrumentations.ts";
import type { Instrumentations } from "./checks/instrumentations.ts";
import { checkOutbound } from "./checks/outbound.ts";
import { checkPropagator } from "./checks/propagator.ts";
import { checkRuntime, currentRuntime, runtimeName } from "./checks/runtime.ts";
import type { Runtime } from "./checks/runtime.ts";
import { checkNoSdk, checkSdk, registeredProvider } from "./checks/sdk.ts";
import { collectFindings } from "./findings.ts";
import type { Findings } from "./findings.ts";
import { createReport } from "./report.ts";
import type { DoctorReport } from "./report.ts";
import { diagnose } from "./round-trip/diagnosis.ts";
import { findProxy } from "./round-trip/proxy.ts";
import { makeFirstCall, makeRoundTrip, writesTraceparent } from "./round-trip/round-trip.ts";
import type { RoundTrip } from "./round-trip/round-trip.ts";
import type { Observations } from "./observe-app.ts";
import { tryGet } from "./try-get.ts";

/** What to examine. */
export interface Examination {
  readonly modules: AppModules;
  /** The files that the process had loaded before the doctor loaded any; undefined if they cannot be listed. */
  readonly files: readonly string[] | undefined;
  /** The application's first file, from which copies of packages are searched. */
  readonly entry: string | undefined;
  readonly roundTrip: boolean;
  /** The milliseconds that a call, or an export, may take. */
  readonly timeout: number;
  readonly flush: boolean;
  /** What was seen while the application started; undefined if it was not observed. */
  readonly observations?: Observations | undefined;
  /** Whether the application runs in this process. Otherwise only its environment and its packages are examined. */
  readonly hasApplication: boolean;
}

/** What the checks share. */
interface ExaminationState extends Examination {
  readonly findings: Findings;
  readonly runtime: Runtime;
  readonly environment: Environment;
  readonly copies: Copies;
  /** Whether a2a-otel's copy of the API sees what is registered. */
  readonly isVisible: boolean;
}

/** Runs all checks, in the order in which the report lists them. It never throws. */
export async function examine(examination: Examination): Promise<DoctorReport> {
  const { modules, files } = examination;
  const findings = collectFindings(modules.redactText);
  const runtime = currentRuntime();
  const environment: Environment = tryGet(() => ({ ...process.env })) ?? {};
  const copies = findCopies(files, examination.entry, modules.location);
  const { version } = modules.getDiagnostics();

  checkRuntime(findings, runtime, version);
  const isVisible = await runCheck(findings, "the copies of @opentelemetry/api", () => checkApi(findings, modules.api, copies));
  await runCheck(findings, "the copies of a2a-otel", () => checkLibraryCopies(findings, copies));
  await runCheck(findings, "the environment", () => checkEnvironment(findings, environment));
  const hasTelemetry = examination.hasApplication || registeredProvider(modules) !== undefined || hasContextManager(modules);
  const state = { ...examination, findings, runtime, environment, copies, isVisible: isVisible !== false };
  const roundTrip = hasTelemetry ? await examineTelemetry(state) : undefined;
  return createReport({
    findings: findings.all,
    runtime,
    version,
    propagation: modules.getDiagnostics().propagation,
    copies: [...copies.apis, ...copies.library],
    roundTrip,
  });
}

/** Runs one check. If it throws, because an object of other code is not what it seems, the error becomes a finding. */
async function runCheck<Result>(
  findings: Findings,
  subject: string,
  check: () => Result | Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await check();
  } catch (error) {
    findings.warn("doctor", `Examining ${subject} failed: ${String(error)}.`);
    return undefined;
  }
}

async function examineTelemetry(state: ExaminationState): Promise<RoundTrip | undefined> {
  const { modules, findings, runtime, files, copies, timeout } = state;
  const obstacle = findObstacle(state);
  const hadContextManager = hasContextManager(modules);
  // `a2a-otel/register` may register a context manager when the first call is made.
  if (obstacle === undefined && !hadContextManager) await runCheck(findings, "a first call", () => makeFirstCall(modules, timeout));

  const provider = registeredProvider(modules);
  const span = (await runCheck(findings, "the SDK", () => startSpan(modules, provider !== undefined))) ?? invalidSpan(modules);
  // If nothing that is registered can be seen, the finding about the API's copies says so, and these checks would be misleading.
  if (state.isVisible) await checkRegistrations(state, provider, span, !hadContextManager);
  const instrumentations = findInstrumentations(modules.getDiagnostics(), runtime, copies, files);
  checkInstrumentations(findings, instrumentations);
  const { observations } = state;
  checkFrameworks(findings, copies.packages, observations?.fastify ?? [], instrumentations.isFetchReplaced);
  if (observations !== undefined) checkOutbound(findings, observations.outbound, instrumentations, provider !== undefined);

  let trip: RoundTrip | undefined;
  if (obstacle === undefined) {
    trip = await runCheck(findings, "a call over loopback", () =>
      checkRoundTrip(state, span, provider !== undefined, instrumentations),
    );
  } else {
    const report = state.roundTrip ? findings.warn : findings.ok;
    report("round-trip", `No call over loopback was made, because ${obstacle}. How calls carry the trace was not examined.`);
  }
  await runCheck(findings, "the SDK", () => span.end());
  if (state.flush && provider !== undefined) await checkFlush(findings, provider, timeout);
  return trip;
}

/** Checks what is registered in OpenTelemetry's API. */
async function checkRegistrations(
  state: ExaminationState,
  provider: TracerProvider | undefined,
  span: Span,
  cameWithFirstCall: boolean,
): Promise<void> {
  const { modules, findings, copies, environment, runtime } = state;
  const diagnostics = modules.getDiagnostics();
  await runCheck(findings, "the SDK", () =>
    provider === undefined
      ? checkNoSdk(findings, copies.loaded, environment, runtime)
      : checkSdk(findings, provider, span, environment),
  );
  await runCheck(findings, "the context manager", () =>
    checkContextManager(findings, modules.api, diagnostics.propagation, cameWithFirstCall),
  );
  await runCheck(findings, "the propagator", () => checkPropagator(findings, diagnostics));
}

function hasContextManager({ getDiagnostics }: AppModules): boolean {
  return getDiagnostics().propagation.contextManager !== "none";
}

function invalidSpan({ api }: AppModules): Span {
  return api.trace.wrapSpanContext(api.INVALID_SPAN_CONTEXT);
}

/** The span around the call: the only one that the doctor itself starts. */
function startSpan(modules: AppModules, hasSdk: boolean): Span {
  if (!hasSdk) return invalidSpan(modules);
  const { ROOT_CONTEXT, trace } = modules.api;
  const tracer = trace.getTracer("a2a-otel-doctor", modules.getDiagnostics().version);
  return tracer.startSpan("a2a-otel doctor", { root: true, attributes: { "a2a_otel.doctor": true } }, ROOT_CONTEXT);
}

/** Why no call over loopback can be made; undefined if one can. */
function findObstacle({ roundTrip, runtime, environment }: ExaminationState): string | undefined {
  if (!roundTrip) return "it was switched off";
  if (runtime.name === "workers" || tryGet(() => process.getBuiltinModule("node:http")) === undefined)
    return `${runtimeName(runtime)} has no server on loopback that could receive it`;
  if (typeof globalThis.fetch !== "function") return "this runtime has no global fetch";
  const proxy = findProxy(runtime, environment, tryGet(() => process.execArgv) ?? []);
  return proxy && `it would go through ${proxy}, and the doctor only sends to loopback`;
}

async function checkRoundTrip(
  { modules, findings, timeout, isVisible }: ExaminationState,
  span: Span,
  hasSdk: boolean,
  instrumentations: Instrumentations,
): Promise<RoundTrip | undefined> {
  const trip = await makeRoundTrip(modules, span, "global fetch", timeout);
  if (trip === undefined) return undefined;
  const needsSecond = trip.failure === undefined && trip.traceparents.length === 0 && !instrumentations.ownFetch;
  const wrapped = needsSecond ? await makeRoundTrip(modules, span, "wrapFetch", timeout) : undefined;
  const { fields } = modules.getDiagnostics().propagation;
  const contextProblem = !isVisible
    ? "because what is registered cannot be seen"
    : hasContextManager(modules)
      ? undefined
      : "without a context manager";
  const circumstances = { contextProblem, hasSdk, fields, instrumentations, wrapped };
  diagnose(findings, trip, { ...circumstances, writesTraceparent: writesTraceparent(modules, span) });
  if (hasSdk && span.isRecording()) {
    findings.ok(
      "spans",
      `The spans of the doctor's calls are in the trace ${trip.traceId} with the name "a2a-otel doctor". They are exported like all others.`,
    );
  }
  return trip;
}
