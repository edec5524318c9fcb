import type { Findings } from "../findings.ts";

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a variable without surrounding spaces. By OpenTelemetry's specification, an empty value is the same as an unset variable. */
type ReadVariable = (name: string) => string | undefined;

const SAMPLERS = ["always_on", "always_off", "traceidratio"].flatMap((name) => [name, `parentbased_${name}`]);
const OTHER_SAMPLERS = new Set(["parentbased_jaeger_remote", "jaeger_remote", "xray"]);

/** Checks OpenTelemetry's environment variables for settings whose effect may be unexpected. */
export function checkEnvironment(findings: Findings, environment: Environment): void {
  const count = findings.all.length;
  const read: ReadVariable = (name) => environment[name]?.trim() || undefined;
  checkDisabled(findings, read("OTEL_SDK_DISABLED"));
  checkPropagators(findings, read("OTEL_PROPAGATORS"));
  checkSampler(findings, read("OTEL_TRACES_SAMPLER"), read("OTEL_TRACES_SAMPLER_ARG"));
  if (read("OTEL_TRACES_EXPORTER") === "none") {
    findings.warn(
      "env-exporter",
      "OTEL_TRACES_EXPORTER=none: spans are recorded, but not exported.",
      "Unset OTEL_TRACES_EXPORTER.",
    );
  }
  checkEndpoint(findings, read);
  if (findings.all.length > count) return;
  const names = Object.keys(environment).filter((name) => name.startsWith("OTEL_") && read(name) !== undefined);
  const message =
    names.length === 0
      ? "No OTEL_ variable is set."
      : `The OTEL_ variables have no unusual values: ${names.toSorted().join(", ")}.`;
  findings.ok("environment", message);
}

function checkDisabled(findings: Findings, value: string | undefined): void {
  if (value === undefined || value.toLowerCase() === "false") return;
  if (value.toLowerCase() === "true") {
    findings.warn(
      "env-disabled",
      "OTEL_SDK_DISABLED=true: an SDK that supports this variable registers nothing. No spans are recorded; a2a-otel still forwards incoming traces.",
      "Unset OTEL_SDK_DISABLED.",
    );
    return;
  }
  findings.warn(
    "env-disabled",
    `OTEL_SDK_DISABLED is ${JSON.stringify(value)}. Only "true" disables the SDK, so the SDK is enabled.`,
    "Set OTEL_SDK_DISABLED=true, or unset it.",
  );
}

function checkPropagators(findings: Findings, list: string | undefined): void {
  if (list === undefined) return;
  const names = list.split(",").map((name) => name.trim());
  const setting = `OTEL_PROPAGATORS=${list}`;
  if (names.includes("none")) {
    findings.warn(
      "env-propagators",
      `${setting}: outgoing requests carry no trace context, and incoming trace context is ignored.`,
      "OTEL_PROPAGATORS=tracecontext,baggage",
    );
  } else if (!names.includes("tracecontext")) {
    const others = names.filter((name) => name !== "baggage");
    findings.warn(
      "env-propagators",
      `${setting} does not contain tracecontext. Other A2A agents send and expect W3C Trace Context.`,
      `OTEL_PROPAGATORS=${["tracecontext", "baggage", ...others].join(",")}`,
    );
  } else if (!names.includes("baggage")) {
    findings.warn(
      "env-propagators",
      `${setting} does not contain baggage. Values such as user, tenant or conversation are not passed on.`,
      `${setting},baggage`,
    );
  }
}

function checkSampler(findings: Findings, sampler: string | undefined, argument: string | undefined): void {
  if (sampler === undefined) return;
  const setting = `OTEL_TRACES_SAMPLER=${sampler}`;
  if (sampler.endsWith("always_off")) {
    const effect =
      sampler === "always_off"
        ? "no trace is sampled"
        : "traces that begin in this process are not sampled, only those whose caller has sampled them";
    findings.warn("env-sampler", `${setting}: ${effect}.`, "OTEL_TRACES_SAMPLER=parentbased_always_on");
  } else if (sampler.endsWith("traceidratio")) checkRatio(findings, setting, argument);
  else if (!SAMPLERS.includes(sampler) && !OTHER_SAMPLERS.has(sampler)) {
    findings.warn(
      "env-sampler",
      `${setting} is not a sampler of OpenTelemetry's specification.`,
      `Use one of ${SAMPLERS.join(", ")}.`,
    );
  }
}

function checkRatio(findings: Findings, setting: string, argument: string | undefined): void {
  const ratio = Number(argument);
  if (argument === undefined) {
    findings.warn(
      "env-sampler",
      `${setting} without OTEL_TRACES_SAMPLER_ARG samples all traces.`,
      "OTEL_TRACES_SAMPLER_ARG=0.1 samples every tenth trace.",
    );
  } else if (!(ratio >= 0 && ratio <= 1)) {
    findings.warn(
      "env-sampler",
      `OTEL_TRACES_SAMPLER_ARG is ${JSON.stringify(argument)}, which is not a ratio from 0 to 1.`,
      "OTEL_TRACES_SAMPLER_ARG=0.1",
    );
  } else if (ratio === 0) {
    findings.warn(
      "env-sampler",
      `${setting} with OTEL_TRACES_SAMPLER_ARG=${argument} samples no trace.`,
      "OTEL_TRACES_SAMPLER_ARG=0.1",
    );
  }
}

/**
 * Checks the endpoint of OTLP exporters: collectors receive gRPC on port 4317 and HTTP on port 4318, and exporters append `/v1/traces` to the
 * general endpoint only.
 */
function checkEndpoint(findings: Findings, read: ReadVariable): void {
  const name =
    read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") === undefined ? "OTEL_EXPORTER_OTLP_ENDPOINT" : "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
  const text = read(name);
  if (text === undefined) return;
  const protocol = read("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ?? read("OTEL_EXPORTER_OTLP_PROTOCOL") ?? "http/protobuf";
  const setting = `${name}=${text}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    findings.warn(
      "env-endpoint",
      `${setting} is not a URL with http: or https:, so exporters may use another address.`,
      `${name}=http://localhost:4318`,
    );
  } else if (url.port === "4317" && protocol !== "grpc") {
    findings.warn(
      "env-endpoint",
      `${setting} uses the port of OTLP over gRPC, but the protocol is ${protocol}. Exports fail, and only OpenTelemetry's diag logger reports it.`,
      `${name}=${text.replace(":4317", ":4318")}, or OTEL_EXPORTER_OTLP_PROTOCOL=grpc with a gRPC exporter.`,
    );
  } else if (url.port === "4318" && protocol === "grpc") {
    findings.warn(
      "env-endpoint",
      `${setting} uses the port of OTLP over HTTP, but the protocol is grpc. Exports fail, and only OpenTelemetry's diag logger reports it.`,
      `${name}=${text.replace(":4318", ":4317")}, or OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf.`,
    );
  } else if (protocol !== "grpc") checkPath(findings, name, setting, url);
}

function checkPath(findings: Findings, name: string, setting: string, { pathname }: URL): void {
  const hasPath = pathname.endsWith("/v1/traces");
  if (name === "OTEL_EXPORTER_OTLP_ENDPOINT" && hasPath) {
    findings.warn(
      "env-endpoint",
      `${setting} already ends with /v1/traces, and exporters append /v1/traces once more.`,
      `Remove /v1/traces, or use the variable OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, to which nothing is appended.`,
    );
  } else if (name === "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" && pathname === "/") {
    findings.warn(
      "env-endpoint",
      `${setting} has no path, and exporters do not append /v1/traces to this variable.`,
      "Add /v1/traces to the URL.",
    );
  }
}
