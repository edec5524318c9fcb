import type { ProxyTracerProvider, Span, TracerProvider } from "@opentelemetry/api";
import type { AppModules } from "../app-modules.ts";
import type { Environment } from "./environment.ts";
import { className, tryGet } from "../try-get.ts";
import type { Findings } from "../findings.ts";
import type { Runtime } from "./runtime.ts";

/** The tracer provider behind the API's proxy; undefined where no SDK has registered one. */
export function registeredProvider({ api, getDiagnostics }: AppModules): TracerProvider | undefined {
  if (getDiagnostics().propagation.tracerProvider === "none") return undefined;
  const provider = api.trace.getTracerProvider();
  return tryGet(() => (provider as ProxyTracerProvider).getDelegate()) ?? provider;
}

// The packages whose presence says that somebody meant to start an SDK.
const SDKS =
  /^@opentelemetry\/(?:sdk-node|sdk-trace(?:-base|-node|-web)?|auto-instrumentations-node)$|^@vercel\/otel$|^@azure\/monitor-opentelemetry$/;

/** Nobody records spans: meant so where no SDK is loaded, a mistake where one is. */
export function checkNoSdk(
  findings: Findings,
  loaded: ReadonlyMap<string, string> | undefined,
  environment: Environment,
  runtime: Runtime,
): void {
  const nobody = "No SDK is registered: no spans are recorded. A trace that comes in can be passed on all the same.";
  const present = [...(loaded?.keys() ?? [])].filter((name) => SDKS.test(name));
  if (environment["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") {
    findings.warn("sdk", `${nobody} OTEL_SDK_DISABLED=true asks for that.`);
  } else if (present.length > 0) {
    findings.error(
      "sdk",
      `${present.join(" and ")} ${present.length === 1 ? "is" : "are"} loaded, but no SDK is registered at this moment: no spans are recorded.`,
      "start it first of all, with `sdk.start()`, `provider.register()` or `trace.setGlobalTracerProvider(provider)`; if it starts later than this " +
        "look, look later (`--wait 5000`).",
    );
  } else {
    if (loaded?.has("@sentry/node") === true) {
      findings.warn(
        "sdk",
        `${nobody} Sentry has not registered itself with OpenTelemetry.`,
        "`Sentry.init({ enableOpenTelemetrySetup: true, ... })`",
      );
      return;
    }
    const what = runtime.name === "node" ? "`npm i @opentelemetry/sdk-node`" : "choose an SDK that knows this runtime";
    findings.warn("sdk", nobody, `${what} and start it before everything else, if you want spans of this service.`);
  }
}

/** What an SDK's span shows of itself: the fields of a `ReadableSpan`, of the SDKs 1 to 3. */
export interface VisibleSpan {
  readonly name?: string;
  readonly kind?: number;
  readonly instrumentationScope?: { readonly name?: string };
  readonly instrumentationLibrary?: { readonly name?: string };
  readonly resource?: { readonly attributes?: Record<string, unknown> };
}

/** The inner parts that SDKs keep, whose names have been the same since version 1; only looked at, and named only where they are there. */
interface Inside {
  readonly _activeSpanProcessor?: { readonly _spanProcessors?: readonly Processor[] };
  readonly activeSpanProcessor?: { readonly _spanProcessors?: readonly Processor[] };
}
interface Processor {
  readonly _exporter?: unknown;
}

export function checkSdk(findings: Findings, provider: TracerProvider, span: Span, environment: Environment): void {
  const name = className(provider) ?? "a tracer provider";
  const sampler = samplerOf(provider);
  const processors = processorsOf(provider);
  const by = sampler === undefined ? "" : `, with the sampler ${sampler}`;
  const to = processors === undefined ? "" : ` Spans go to ${processors.join(", ")}.`;
  const sampled = (span.spanContext().traceFlags & 1) === 1;

  if (span.isRecording() && sampled)
    findings.ok("sdk", `An SDK is registered (${name}${by}), and it records spans.${processors?.length === 0 ? "" : to}`);
  else if (sampler !== undefined && /TraceIdRatio|Probability/.test(sampler) && !/\{0\}/.test(sampler)) {
    findings.ok(
      "sdk",
      `An SDK is registered (${name}${by}). It did not sample the span that was tried: that is chance, as the sampler says.${to}`,
    );
  } else {
    findings.warn(
      "sampler",
      `An SDK is registered (${name}${by}), but a new trace is ${span.isRecording() ? "recorded and not sampled" : "not recorded"}: it reaches no backend. ` +
        "The decision is propagated, so those whom this process calls record nothing of it either.",
      "OTEL_TRACES_SAMPLER=parentbased_always_on, or another `sampler` for the SDK.",
    );
  }
  if (processors?.length === 0 && environment["OTEL_TRACES_EXPORTER"] !== "none") {
    findings.warn(
      "exporter",
      "The SDK has no span processor: spans are made and thrown away.",
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
    const { _activeSpanProcessor, activeSpanProcessor } = provider as Inside;
    const list = (_activeSpanProcessor ?? activeSpanProcessor)?._spanProcessors;
    return list?.map((processor) => {
      const exporter = className(processor._exporter);
      return `${className(processor) ?? "a span processor"}${exporter === undefined ? "" : ` (${exporter})`}`;
    });
  });
}

function checkService(findings: Findings, span: Span): void {
  const service = tryGet(() => (span as VisibleSpan).resource?.attributes?.["service.name"]);
  if (typeof service !== "string") return;
  if (!service.startsWith("unknown_service")) findings.ok("service", `Spans are of the service "${service}".`);
  else {
    findings.warn(
      "service",
      `The service has no name: spans are of "${service}", like those of every other service without one.`,
      "OTEL_SERVICE_NAME=my-agent",
    );
  }
}
