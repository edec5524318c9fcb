import type { Findings } from "../findings.ts";

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

const SAMPLERS = ["always_on", "always_off", "traceidratio"].flatMap((name) => [name, `parentbased_${name}`]);
const OTHER_SAMPLERS = new Set(["parentbased_jaeger_remote", "jaeger_remote", "xray"]);

/** What OpenTelemetry's environment variables say that will surprise somebody (their specification: an empty value is none). */
export function checkEnvironment(findings: Findings, environment: Environment): void {
  const count = findings.all.length;
  const value = (name: string): string | undefined => environment[name]?.trim() || undefined;
  checkDisabled(findings, value("OTEL_SDK_DISABLED"));
  checkPropagators(findings, value("OTEL_PROPAGATORS"));
  checkSampler(findings, value("OTEL_TRACES_SAMPLER"), value("OTEL_TRACES_SAMPLER_ARG"));
  if (value("OTEL_TRACES_EXPORTER") === "none") {
    findings.warn("env-exporter", "OTEL_TRACES_EXPORTER=none: spans are recorded and go nowhere.", "unset OTEL_TRACES_EXPORTER.");
  }
  checkEndpoint(findings, value);
  if (findings.all.length > count) return;
  const set = Object.keys(environment).filter((name) => name.startsWith("OTEL_") && value(name) !== undefined);
  const what = set.length === 0 ? "No OTEL_ variable is set." : `Nothing odd in the environment: ${set.toSorted().join(", ")}.`;
  findings.ok("environment", what);
}

function checkDisabled(findings: Findings, disabled: string | undefined): void {
  if (disabled === undefined || disabled.toLowerCase() === "false") return;
  if (disabled.toLowerCase() === "true") {
    findings.warn(
      "env-disabled",
      "OTEL_SDK_DISABLED=true: an SDK that heeds it registers nothing. Traces that come in are still passed on, but no spans are recorded.",
      "unset OTEL_SDK_DISABLED.",
    );
    return;
  }
  findings.warn(
    "env-disabled",
    `OTEL_SDK_DISABLED is ${quoted(disabled)}, and only "true" means true: the SDK is not disabled.`,
    "OTEL_SDK_DISABLED=true, or unset it.",
  );
}

function checkPropagators(findings: Findings, list: string | undefined): void {
  if (list === undefined) return;
  const names = list.split(",").map((name) => name.trim());
  const set = `OTEL_PROPAGATORS=${list}`;
  if (names.includes("none")) {
    findings.warn(
      "env-propagators",
      `${set}: no trace context leaves, and none that comes in is read.`,
      "OTEL_PROPAGATORS=tracecontext,baggage",
    );
  } else if (!names.includes("tracecontext")) {
    findings.warn(
      "env-propagators",
      `${set} has no tracecontext: W3C Trace Context is what A2A callers elsewhere send and expect.`,
      `OTEL_PROPAGATORS=tracecontext,baggage${names
        .filter((name) => name !== "baggage")
        .map((name) => `,${name}`)
        .join("")}`,
    );
  } else if (!names.includes("baggage")) {
    findings.warn("env-propagators", `${set} has no baggage: user, tenant or conversation stay behind.`, `${set},baggage`);
  }
}

function checkSampler(findings: Findings, sampler: string | undefined, argument: string | undefined): void {
  if (sampler === undefined) return;
  const set = `OTEL_TRACES_SAMPLER=${sampler}`;
  if (sampler.endsWith("always_off")) {
    const whom =
      sampler === "always_off"
        ? "no trace is sampled"
        : "no trace that begins here is sampled, only those whose caller has sampled them";
    findings.warn("env-sampler", `${set}: ${whom}.`, "OTEL_TRACES_SAMPLER=parentbased_always_on");
  } else if (sampler.endsWith("traceidratio")) {
    const ratio = Number(argument);
    if (argument === undefined) {
      findings.warn(
        "env-sampler",
        `${set} without OTEL_TRACES_SAMPLER_ARG samples everything.`,
        "OTEL_TRACES_SAMPLER_ARG=0.1 for every tenth.",
      );
    } else if (!(ratio >= 0 && ratio <= 1)) {
      findings.warn(
        "env-sampler",
        `OTEL_TRACES_SAMPLER_ARG is ${quoted(argument)}, which is no ratio from 0 to 1.`,
        "OTEL_TRACES_SAMPLER_ARG=0.1",
      );
    } else if (ratio === 0) {
      findings.warn(
        "env-sampler",
        `${set} with OTEL_TRACES_SAMPLER_ARG=${argument} samples nothing.`,
        "OTEL_TRACES_SAMPLER_ARG=0.1",
      );
    }
  } else if (!SAMPLERS.includes(sampler) && !OTHER_SAMPLERS.has(sampler)) {
    findings.warn("env-sampler", `${set} is no sampler that the specification knows.`, `one of ${SAMPLERS.join(", ")}.`);
  }
}

/** What exporters of OTLP make of their endpoint: gRPC listens on 4317, HTTP on 4318, and only the general endpoint gets `/v1/traces` put behind it. */
function checkEndpoint(findings: Findings, value: (name: string) => string | undefined): void {
  const name =
    value("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") === undefined
      ? "OTEL_EXPORTER_OTLP_ENDPOINT"
      : "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
  const text = value(name);
  if (text === undefined) return;
  const protocol = value("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ?? value("OTEL_EXPORTER_OTLP_PROTOCOL") ?? "http/protobuf";
  const set = `${name}=${text}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    findings.warn(
      "env-endpoint",
      `${set} is no URL with http: or https:, so an exporter may go elsewhere.`,
      `${name}=http://localhost:4318`,
    );
  } else if (url.port === "4317" && protocol !== "grpc") {
    findings.warn(
      "env-endpoint",
      `${set} is the port of gRPC, while the protocol is ${protocol}: exports fail, and only OpenTelemetry's diag says so.`,
      `${name}=${text.replace(":4317", ":4318")}, or OTEL_EXPORTER_OTLP_PROTOCOL=grpc with an exporter for gRPC.`,
    );
  } else if (url.port === "4318" && protocol === "grpc") {
    findings.warn(
      "env-endpoint",
      `${set} is the port of OTLP over HTTP, while the protocol is grpc: exports fail, and only OpenTelemetry's diag says so.`,
      `${name}=${text.replace(":4318", ":4317")}, or OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf.`,
    );
  } else if (protocol !== "grpc") checkPath(findings, name, set, url);
}

function checkPath(findings: Findings, name: string, set: string, { pathname }: URL): void {
  const hasPath = pathname.endsWith("/v1/traces");
  if (name === "OTEL_EXPORTER_OTLP_ENDPOINT" && hasPath) {
    findings.warn(
      "env-endpoint",
      `${set} gets /v1/traces put behind it once more.`,
      `leave /v1/traces out, or name it OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, which is used as it is.`,
    );
  } else if (name === "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" && pathname === "/") {
    findings.warn("env-endpoint", `${set} is used as it is, without /v1/traces behind it.`, `put /v1/traces behind it.`);
  }
}

const quoted = (text: string): string => JSON.stringify(text);
