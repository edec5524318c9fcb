import { trace } from "@opentelemetry/api";
import type { TextMapPropagator } from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator } from "@opentelemetry/core";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry, TestTelemetryOptions } from "../support/telemetry.ts";
import { b3Propagator } from "./b3-propagator.ts";

/** The trace that a request carries. */
interface CarriedTrace {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/** What of OpenTelemetry the process has set up. */
export interface SdkState {
  readonly name: string;
  readonly start: () => TestTelemetry;
  /** Whether spans are recorded. */
  readonly records: boolean;
  /** Whether the incoming context is forwarded as it is, since there is no tracer. */
  readonly forwards: boolean;
  /** The headers of the trace that the propagator writes. */
  readonly traceHeaders: readonly string[];
  readonly writesBaggage: boolean;
  /** Reads the trace out of the headers of a request that has all of them. */
  readonly read: (headers: Readonly<Record<string, string>>) => CarriedTrace | undefined;
}

/** The headers by which a trace or baggage might leave, whatever the propagator. */
export const PROPAGATION_HEADERS: readonly string[] = [
  "traceparent",
  "tracestate",
  "baggage",
  "b3",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
];

const silentPropagator: TextMapPropagator = {
  fields: () => ["x-trace-of-this-company"],
  inject: () => {},
  extract: (context) => context,
};

const withBaggage = (propagator: TextMapPropagator): TestTelemetryOptions => ({
  propagator: new CompositePropagator({ propagators: [propagator, new W3CBaggagePropagator()] }),
});

const W3C = {
  forwards: false,
  traceHeaders: ["traceparent", "tracestate"],
  writesBaggage: true,
  read: ({ traceparent }: Readonly<Record<string, string>>): CarriedTrace | undefined => {
    const [, traceId, spanId, flags] = /^00-(\w{32})-(\w{16})-(0[01])$/.exec(traceparent ?? "") ?? [];
    return traceId === undefined || spanId === undefined ? undefined : { traceId, spanId, sampled: flags === "01" };
  },
};

export const SDK_STATES: readonly SdkState[] = [
  { name: "recorded", ...W3C, start: () => startTelemetry(), records: true },
  { name: "unsampled", ...W3C, start: () => startTelemetry({ sampler: new AlwaysOffSampler() }), records: false },
  {
    name: "no SDK",
    ...W3C,
    start: () => {
      const telemetry = startTelemetry();
      trace.disable();
      return telemetry;
    },
    records: false,
    forwards: true,
  },
  {
    name: "B3 single header",
    start: () => startTelemetry(withBaggage(b3Propagator("single header"))),
    records: true,
    forwards: false,
    traceHeaders: ["b3"],
    writesBaggage: true,
    read: ({ b3 = "" }) => {
      const [traceId = "", spanId = "", sampled] = b3.split("-");
      return { traceId, spanId, sampled: sampled === "1" };
    },
  },
  {
    name: "B3 multiple headers",
    start: () => startTelemetry(withBaggage(b3Propagator("multiple headers"))),
    records: true,
    forwards: false,
    traceHeaders: ["x-b3-traceid", "x-b3-spanid", "x-b3-sampled"],
    writesBaggage: true,
    read: (headers) => ({
      traceId: headers["x-b3-traceid"] ?? "",
      spanId: headers["x-b3-spanid"] ?? "",
      sampled: headers["x-b3-sampled"] === "1",
    }),
  },
  {
    name: "silent propagator",
    start: () => startTelemetry({ propagator: silentPropagator }),
    records: true,
    forwards: false,
    traceHeaders: [],
    writesBaggage: false,
    read: () => undefined,
  },
];
