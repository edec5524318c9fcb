import { ProxyTracerProvider, ROOT_CONTEXT, context, trace } from "@opentelemetry/api";
import type { Tracer, TracerOptions, TracerProvider } from "@opentelemetry/api";
import { safeCall, warnOnce } from "./diagnostics.ts";
import { SCHEMA_URL, VERSION } from "./version.ts";

/** The name of this package's tracer and meter. */
export const SCOPE = "a2a-otel";

const NOOP_PROVIDER: TracerProvider = new ProxyTracerProvider().getDelegate();

/** Whether a provider creates no spans because no SDK has been registered. */
export function isNoop(provider: TracerProvider): boolean {
  return ((provider as Partial<ProxyTracerProvider>).getDelegate?.() ?? provider) === NOOP_PROVIDER;
}

const HTTP_SCHEMA: TracerOptions = { schemaUrl: SCHEMA_URL };

/** For spans of protocols whose attributes the semantic conventions of {@link SCHEMA_URL} do not contain. */
export const WITHOUT_SCHEMA: TracerOptions = {};

/** Returns a function that finds the current tracer: the given provider's, else the global one's. */
export function tracerSource(given: TracerProvider | undefined, schema: TracerOptions = HTTP_SCHEMA): () => Tracer | undefined {
  let provider: TracerProvider | undefined;
  let tracer: Tracer | undefined;
  return () => {
    const current = given ?? trace.getTracerProvider();
    // A proxy delegates to the SDK that is registered later, so its tracer is kept only once there is one.
    if (current !== provider || tracer === undefined) {
      if (isNoop(current)) return undefined;
      tracer = safeCall("getTracer", tracerOf, current, schema);
      provider = current;
    }
    return tracer;
  };
}

function tracerOf(provider: TracerProvider, schema: TracerOptions): Tracer {
  return provider.getTracer(SCOPE, VERSION, schema);
}

/** Whether a context manager is registered. Without one, no context survives an asynchronous operation. */
export function hasContextManager(): boolean {
  const probe = ROOT_CONTEXT.setValue(PROBE_KEY, true);
  return safeCall("the context manager", () => context.with(probe, () => context.active().getValue(PROBE_KEY) === true)) === true;
}

const PROBE_KEY = Symbol("a2a-otel.probe");

let isContextManagerChecked = false;

/** Warns once, at the first call or request, if no context manager is registered. */
export function checkContextManager(): void {
  if (isContextManagerChecked) return;
  isContextManagerChecked = true;
  if (hasContextManager()) return;
  warnOnce(
    "No OpenTelemetry context manager is registered, so the trace of a received request is not continued by the calls that it causes. " +
      'Start an SDK, or call setupPropagation() of "a2a-otel/setup".',
  );
}
