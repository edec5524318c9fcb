import { createNoopMeter, metrics } from "@opentelemetry/api";
import type { Histogram, MeterProvider, Span } from "@opentelemetry/api";
import { safeCall } from "./diagnostics.ts";
import { SCOPE } from "./tracer.ts";
import { SCHEMA_URL, VERSION } from "./version.ts";

// Seconds; semconv `http.client.request.duration` and `http.server.request.duration`.
const BOUNDARIES = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

const NOOP_HISTOGRAM = createNoopMeter().createHistogram("noop");

/**
 * Returns a function that finds the current duration histogram; undefined if there is no SDK. The global MeterProvider has no proxy: one that is
 * registered later is another object, so the histogram is created again when the provider changes.
 *
 * @param boundaries of the histogram's buckets, in seconds. Default: those of HTTP.
 */
export function durationSource(
  given: MeterProvider | undefined,
  name: string,
  description: string,
  boundaries: readonly number[] = BOUNDARIES,
): () => Histogram | undefined {
  let provider: MeterProvider | undefined;
  let histogram: Histogram | undefined;
  return () => {
    const current = given ?? metrics.getMeterProvider();
    if (current !== provider) {
      provider = current;
      histogram = safeCall("the MeterProvider", durationHistogram, current, name, description, boundaries);
    }
    return histogram;
  };
}

// A separate function: a closure would otherwise allocate a scope in every call of the function above.
function durationHistogram(
  provider: MeterProvider,
  name: string,
  description: string,
  boundaries: readonly number[],
): Histogram | undefined {
  const histogram = provider
    .getMeter(SCOPE, VERSION, { schemaUrl: SCHEMA_URL })
    .createHistogram(name, { description, unit: "s", advice: { explicitBucketBoundaries: [...boundaries] } });
  return histogram === NOOP_HISTOGRAM ? undefined : histogram;
}

/** The duration of a span in seconds; undefined unless it is a span of the SDK that has ended. The API does not expose it. */
export function durationOf(span: Span | undefined): number | undefined {
  const { duration } = (span ?? {}) as { duration?: unknown };
  if (!Array.isArray(duration)) return undefined;
  const [seconds, nanoseconds] = duration as [number, number];
  return seconds >= 0 ? seconds + nanoseconds / 1e9 : undefined;
}

const clock: { now(): number } = globalThis.performance ?? Date;

/** Milliseconds on a clock that does not go back, where the platform has one. */
export function now(): number {
  return clock.now();
}
