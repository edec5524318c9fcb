import type { Diagnostics } from "a2a-otel/diagnostics";
import type { Findings } from "../findings.ts";

/** The values of `OTEL_PROPAGATORS` for formats other than W3C's, by a header of each format. */
const OTHER_FORMATS: Record<string, string> = {
  b3: "b3",
  "x-b3-traceid": "b3multi",
  "uber-trace-id": "jaeger",
  "x-amzn-trace-id": "xray",
  "ot-tracer-traceid": "ottrace",
};

/** The setting that adds W3C's formats to those whose headers are given. */
export function propagatorsFor(headers: readonly string[]): string {
  const others = headers.map((header) => OTHER_FORMATS[header.toLowerCase()]).filter((name) => name !== undefined);
  return `OTEL_PROPAGATORS=${["tracecontext", "baggage", ...others].join(",")}`;
}

/** Checks which headers carry the trace: those of the global propagator, or a2a-otel's default if none is registered. */
export function checkPropagator(
  findings: Findings,
  { fields: defaultFields, propagation: { fields, propagator } }: Diagnostics,
): void {
  if (propagator === "none") {
    if (defaultFields.length === 0) {
      findings.warn(
        "propagator",
        "No propagator is registered, and OTEL_PROPAGATORS=none disables the default one of a2a-otel. No trace context is sent.",
      );
    } else {
      findings.ok(
        "propagator",
        `No propagator is registered. a2a-otel sends ${defaultFields.join(", ")} all the same; other instrumentations and your own calls of ` +
          "propagation.inject() send nothing.",
      );
    }
    return;
  }
  const source = propagator === "ours" ? "a2a-otel" : "the application";
  const registered = `A propagator is registered by ${source}. It writes ${fields.join(", ")}`;
  if (!fields.includes("traceparent")) {
    findings.warn(
      "propagator",
      `${registered}, but not traceparent. Other A2A agents send and expect W3C Trace Context, so the trace ends at services that do not support this format.`,
      `${propagatorsFor(fields)}, or a CompositePropagator of W3CTraceContextPropagator, W3CBaggagePropagator and the present one.`,
    );
  } else if (!fields.includes("baggage")) {
    findings.warn(
      "propagator",
      `${registered}, but not baggage. Values such as user, tenant or conversation are not passed on.`,
      "OTEL_PROPAGATORS=tracecontext,baggage, or add a W3CBaggagePropagator.",
    );
  } else findings.ok("propagator", `${registered}.`);
}
