import type { Diagnostics } from "a2a-otel/diagnostics";
import type { Findings } from "../findings.ts";

/** The names that `OTEL_PROPAGATORS` has for formats other than W3C's, by a header of each. */
const OTHER_FORMATS: Record<string, string> = {
  b3: "b3",
  "x-b3-traceid": "b3multi",
  "uber-trace-id": "jaeger",
  "x-amzn-trace-id": "xray",
  "ot-tracer-traceid": "ottrace",
};

/** The setting that puts W3C's formats before the one whose headers are given. */
export function propagatorsFor(headers: readonly string[]): string {
  const others = headers.map((header) => OTHER_FORMATS[header.toLowerCase()]).filter((name) => name !== undefined);
  return `OTEL_PROPAGATORS=${["tracecontext", "baggage", ...others].join(",")}`;
}

/** Which headers carry the trace: those of the global propagator; where there is none, W3C's, which a2a-otel uses of itself. */
export function checkPropagator(
  findings: Findings,
  { fields: defaultFields, propagation: { fields, propagator } }: Diagnostics,
): void {
  if (propagator === "none") {
    if (defaultFields.length === 0) {
      findings.warn(
        "propagator",
        "No propagator is registered, and OTEL_PROPAGATORS=none keeps a2a-otel from using its own: no trace leaves.",
      );
    } else {
      findings.ok(
        "propagator",
        "No propagator is registered. a2a-otel uses W3C Trace Context and Baggage all the same; other instrumentations and your own propagation.inject() " +
          "write nothing.",
      );
    }
    return;
  }
  const whose = propagator === "ours" ? "a2a-otel's" : "the application's";
  const what = `A propagator is registered (${whose}) that writes ${fields.join(", ")}`;
  if (!fields.includes("traceparent")) {
    findings.warn(
      "propagator",
      `${what}, and no traceparent: W3C Trace Context is what A2A callers elsewhere send and expect, so the trace ends at the border of those who know ` +
        "this format.",
      `${propagatorsFor(fields)}, or a CompositePropagator of W3CTraceContextPropagator, W3CBaggagePropagator and the present one.`,
    );
  } else if (!fields.includes("baggage")) {
    findings.warn(
      "propagator",
      `${what}, and no baggage: user, tenant or conversation stay behind.`,
      "OTEL_PROPAGATORS=tracecontext,baggage, or add a W3CBaggagePropagator.",
    );
  } else findings.ok("propagator", `${what}.`);
}
