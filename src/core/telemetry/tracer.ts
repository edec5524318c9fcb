import { ProxyTracerProvider, ROOT_CONTEXT, context, trace } from "@opentelemetry/api";
import type { Tracer, TracerProvider } from "@opentelemetry/api";
import { safeCall, warnOnce } from "./diagnostics.ts";
import { SCHEMA_URL, VERSION } from "./version.ts";

/** The name of this package's tracer and meter. */
export const SCOPE = "a2a-otel";

const NOOP_PROVIDER: TracerProvider = new ProxyTracerProvider().getDelegate();

/** Whether spans of this provider go nowhere because no SDK has been registered. */
export function isNoop(provider: TracerProvider): boolean {
  return ((provider as Partial<ProxyTracerProvider>).getDelegate?.() ?? provider) === NOOP_PROVIDER;
}

/** Finds the tracer of the moment: the given provider's, else that of the global one, asked again only when there is another. */
export function tracerSource(given: TracerProvider | undefined): () => Tracer | undefined {
  let provider: TracerProvider | undefined;
  let tracer: Tracer | undefined;
  return () => {
    const current = given ?? trace.getTracerProvider();
    // A proxy stands for whatever SDK comes: its tracer is worth keeping only once there is one.
    if (current !== provider || tracer === undefined) {
      if (isNoop(current)) return undefined;
      tracer = safeCall("getTracer", tracerOf, current);
      provider = current;
    }
    return tracer;
  };
}

function tracerOf(provider: TracerProvider): Tracer {
  return provider.getTracer(SCOPE, VERSION, { schemaUrl: SCHEMA_URL });
}

/** Whether a context manager is registered, without which no context outlives a function call. */
export function hasContextManager(): boolean {
  const probe = ROOT_CONTEXT.setValue(PROBE_KEY, true);
  return safeCall("the context manager", () => context.with(probe, () => context.active().getValue(PROBE_KEY) === true)) === true;
}

const PROBE_KEY = Symbol("a2a-otel.probe");

let contextManagerChecked = false;
let provideContextManager: (() => void) | undefined;

/** Has `provide` called at the first call or request that finds no context manager. */
export function onMissingContextManager(provide: () => void): void {
  provideContextManager = provide;
  contextManagerChecked = false;
}

/** Looks once, at the first call or request, whether context is carried at all. */
export function checkContextManager(): void {
  if (contextManagerChecked) return;
  contextManagerChecked = true;
  if (hasContextManager()) return;
  if (provideContextManager !== undefined) safeCall("setting up the context manager", provideContextManager);
  else {
    warnOnce(
      "no OpenTelemetry context manager is registered: a trace that comes in is not found again when a call goes out. " +
        'Start an SDK, or call setupPropagation() of "a2a-otel/setup".',
    );
  }
}
