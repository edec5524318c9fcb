import type { ProxyTracerProvider, Span, TracerProvider } from "@opentelemetry/api";
import type { AppModules } from "../app-modules.ts";
import type { Findings } from "../findings.ts";
import { className, tryGet } from "../try-get.ts";
import type { Environment } from "./environment.ts";
import type { Runtime } from "./runtime.ts";

/** The SDK's tracer provider, which may be behind the API's proxy; undefined if no SDK is registered. */
export function registeredProvider({ api, getDiagnostics }: AppModules): TracerProvider | undefined {
  if (getDiagnostics().propagation.tracerProvider === "none") return undefined;
  const provider = api.trace.getTracerProvider();
  return tryGet(() => (provider as ProxyTracerProvider).getDelegate()) ?? provider;
}

// If one of these packages is loaded, the application was probably meant to start an SDK.
const SDKS =
  /^@opentelemetry\/(?:sdk-node|sdk-trace(?:-base|-node|-web)?|auto-instrumentations-node)$|^@vercel\/otel$|^@azure\/monitor-opentelemetry$/;

/** Reports that no SDK is registered: a warning if none is loaded, an error if one is loaded. */
export function checkNoSdk(
  findings: Findings,
  loaded: ReadonlyMap<string, string> | undefined,
  environment: Environment,
  runtime: Runtime,
): void {
  const message = "No SDK is registered, so no spans are recorded. a2a-otel still forwards incoming traces.";
  const loadedSdks = [...(loaded?.keys() ?? [])].filter((name) => SDKS.test(name));
  if (environment["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") {
    findings.warn("sdk", `${message} OTEL_SDK_DISABLED=true requests this.`);
  } else if (loadedSdks.length > 0) {
    findings.error(
      "sdk",
      `${loadedSdks.join(" and ")} ${loadedSdks.length === 1 ? "is" : "are"} loaded, but no SDK is registered at this moment, so no spans are recorded.`,
      "Start the SDK before everything else, with `sdk.start()`, `provider.register()` or `trace.setGlobalTracerProvider(provider)`. If it starts later, " +
        "examine the application later (`--wait 5000`).",
    );
  } else if (loaded?.has("@sentry/node") === true) {
    findings.warn(
      "sdk",
      `${message} Sentry has not registered itself with OpenTelemetry.`,
      "`Sentry.init({ enableOpenTelemetrySetup: true, ... })`",
    );
  } else {
    const install = runtime.name === "node" ? "run `npm i @opentelemetry/sdk-node`" : "choose an SDK that supports this runtime";
    findings.warn("sdk", message, `If this service should record spans, ${install} and start the SDK before everything else.`);
  }
}

/** The public fields of an SDK's span: those of a `ReadableSpan` in versions 1 to 3 of the SDK. */
export interface VisibleSpan {
  readonly name?: string;
  readonly kind?: number;
  readonly instrumentationScope?: { readonly name?: string };
  readonly instrumentationLibrary?: { readonly name?: string };
  readonly resource?: { readonly attributes?: Record<string, unknown> };
}

/** Internal fields of the SDK. Their names are the same since version 1; they are only read, and may be absent. */
interface ProviderInternals {
  readonly _activeSpanProcessor?: { readonly _spanProcessors?: readonly ProcessorInternals[] };
  readonly activeSpanProcessor?: { readonly _spanProcessors?: readonly ProcessorInternals[] };
}
interface ProcessorInternals {
  readonly _exporter?: unknown;
}

export function checkSdk(findings: Findings, provider: TracerProvider, span: Span, environment: Environment): void {
  const name = className(provider) ?? "a tracer provider";
  const sampler = samplerOf(provider);
  const processors = processorsOf(provider);
  const withSampler = sampler === undefined ? "" : ` with the sampler ${sampler}`;
  const destination = processors === undefined || processors.length === 0 ? "" : ` Spans are passed to ${processors.join(", ")}.`;
  const sampled = (span.spanContext().traceFlags & 1) === 1;

  if (span.isRecording() && sampled)
    findings.ok("sdk", `An SDK is registered (${name}${withSampler}). It records spans.${destination}`);
  else if (sampler !== undefined && /TraceIdRatio|Probability/.test(sampler) && !/\{0\}/.test(sampler)) {
    findings.ok(
      "sdk",
      `An SDK is registered (${name}${withSampler}). It did not sample the doctor's span, which is a matter of chance with this sampler.${destination}`,
    );
  } else {
    const outcome = span.isRecording() ? "recorded but not sampled" : "not recorded";
    findings.warn(
      "sampler",
      `An SDK is registered (${name}${withSampler}), but a new trace is ${outcome}, so it does not reach a backend. The decision is propagated, so the ` +
        "services that this process calls do not record the trace either.",
      "OTEL_TRACES_SAMPLER=parentbased_always_on, or another `sampler` for the SDK.",
    );
  }
  if (processors?.length === 0 && environment["OTEL_TRACES_EXPORTER"] !== "none") {
    findings.warn(
      "exporter",
      "The SDK has no span processor, so its spans are discarded.",
      "`spanProcessors: [new BatchSpanProcessor(exporter)]`, or a `traceExporter` for NodeSDK.",
    );
  }
  checkService(findings, span);
}

function samplerOf(provider: TracerProvider): string | undefined {
  const text = tryGet(() => {
    const { _sampler: sampler } = provider.getTracer("a2a-otel-doctor") as { _sampler?: { toString(): string } };
    return sampler?.toString();
  });
  if (text === undefined || text === "[object Object]") return undefined;
  return text.replace(/, remoteParentSampled=.*\}$/s, "}");
}

function processorsOf(provider: TracerProvider): string[] | undefined {
  return tryGet(() => {
    const { _activeSpanProcessor, activeSpanProcessor } = provider as ProviderInternals;
    const processors = (_activeSpanProcessor ?? activeSpanProcessor)?._spanProcessors;
    return processors?.map((processor) => {
      const exporter = className(processor._exporter);
      return `${className(processor) ?? "a span processor"}${exporter === undefined ? "" : ` (${exporter})`}`;
    });
  });
}

function checkService(findings: Findings, span: Span): void {
  const service = tryGet(() => (span as VisibleSpan).resource?.attributes?.["service.name"]);
  if (typeof service !== "string") return;
  if (!service.startsWith("unknown_service")) findings.ok("service", `The service name is "${service}".`);
  else {
    findings.warn(
      "service",
      `The service has no name. Its spans belong to "${service}", like those of all services without a name.`,
      "OTEL_SERVICE_NAME=my-agent",
    );
  }
}
