import { redactText } from "a2a-otel/diagnostics";
import { describe, expect, it } from "vitest";
import { checkEnvironment } from "../../src/doctor/checks/environment.ts";
import { findProxy } from "../../src/doctor/round-trip/proxy.ts";
import { collectFindings } from "../../src/doctor/findings.ts";
import type { Finding } from "../../src/doctor/findings.ts";
import type { Runtime } from "../../src/doctor/checks/runtime.ts";

function findingsOf(environment: Record<string, string>): Finding[] {
  const findings = collectFindings(redactText);
  checkEnvironment(findings, environment);
  return findings.all;
}

it.each([
  { environment: {}, says: "No OTEL_ variable is set." },
  { environment: { OTEL_PROPAGATORS: "", OTEL_TRACES_SAMPLER: " " }, says: "No OTEL_ variable is set." },
  {
    environment: { OTEL_SERVICE_NAME: "agent", OTEL_PROPAGATORS: "tracecontext,baggage,b3", PATH: "/bin" },
    says: "The OTEL_ variables have no unusual values: OTEL_PROPAGATORS, OTEL_SERVICE_NAME.",
  },
  { environment: { OTEL_SDK_DISABLED: "false" }, says: "The OTEL_ variables have no unusual values: OTEL_SDK_DISABLED." },
  { environment: { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.1" }, says: "no unusual values" },
  { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318" }, says: "no unusual values" },
  {
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
    says: "no unusual values",
  },
  { environment: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://localhost:4318/v1/traces" }, says: "no unusual values" },
])("checkEnvironment() accepts $environment", ({ environment, says }) => {
  expect(findingsOf(environment as Record<string, string>)).toEqual([
    { level: "ok", id: "environment", message: expect.stringContaining(says) },
  ]);
});

it.each([
  { environment: { OTEL_SDK_DISABLED: "TRUE" }, id: "env-disabled", says: "registers nothing", remedy: "Unset OTEL_SDK_DISABLED." },
  {
    environment: { OTEL_SDK_DISABLED: "1" },
    id: "env-disabled",
    says: 'is "1". Only "true" disables the SDK',
    remedy: "Set OTEL_SDK_DISABLED=true, or unset it.",
  },
  {
    environment: { OTEL_PROPAGATORS: "none" },
    id: "env-propagators",
    says: "outgoing requests carry no trace context",
    remedy: "OTEL_PROPAGATORS=tracecontext,baggage",
  },
  {
    environment: { OTEL_PROPAGATORS: "b3, baggage" },
    id: "env-propagators",
    says: "does not contain tracecontext",
    remedy: "OTEL_PROPAGATORS=tracecontext,baggage,b3",
  },
  {
    environment: { OTEL_PROPAGATORS: "tracecontext" },
    id: "env-propagators",
    says: "does not contain baggage",
    remedy: "OTEL_PROPAGATORS=tracecontext,baggage",
  },
  {
    environment: { OTEL_TRACES_SAMPLER: "always_off" },
    id: "env-sampler",
    says: "no trace is sampled",
    remedy: "parentbased_always_on",
  },
  {
    environment: { OTEL_TRACES_SAMPLER: "parentbased_always_off" },
    id: "env-sampler",
    says: "whose caller has sampled them",
    remedy: "parentbased_always_on",
  },
  {
    environment: { OTEL_TRACES_SAMPLER: "allways_on" },
    id: "env-sampler",
    says: "is not a sampler of OpenTelemetry's specification",
    remedy: "Use one of always_on",
  },
  {
    environment: { OTEL_TRACES_SAMPLER: "traceidratio" },
    id: "env-sampler",
    says: "samples all traces",
    remedy: "OTEL_TRACES_SAMPLER_ARG=0.1",
  },
  {
    environment: { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "10" },
    id: "env-sampler",
    says: '"10", which is not a ratio from 0 to 1',
    remedy: "0.1",
  },
  {
    environment: { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.0" },
    id: "env-sampler",
    says: "samples no trace",
    remedy: "0.1",
  },
  { environment: { OTEL_TRACES_EXPORTER: "none" }, id: "env-exporter", says: "not exported", remedy: "Unset" },
  {
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://user:secret@collector:4317" },
    id: "env-endpoint",
    says: "http://REDACTED:REDACTED@collector:4317 uses the port of OTLP over gRPC, but the protocol is http/protobuf",
    remedy: "http://REDACTED:REDACTED@collector:4318",
  },
  {
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector:4317/?token=s3cret&project=a" },
    id: "env-endpoint",
    says: "=https://collector:4317/?token=REDACTED&project=a uses the port of OTLP over gRPC",
    remedy: "=https://collector:4318/?token=REDACTED&project=a",
  },
  {
    environment: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://collector:4318", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "grpc" },
    id: "env-endpoint",
    says: "uses the port of OTLP over HTTP, but the protocol is grpc",
    remedy: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://collector:4317",
  },
  {
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" },
    id: "env-endpoint",
    says: "is not a URL with http",
    remedy: "http://localhost:4318",
  },
  {
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/v1/traces" },
    id: "env-endpoint",
    says: "exporters append /v1/traces once more",
    remedy: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
  },
  {
    environment: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://collector:4318" },
    id: "env-endpoint",
    says: "exporters do not append /v1/traces to this variable",
    remedy: "Add /v1/traces to the URL.",
  },
])("checkEnvironment() warns about $environment", ({ environment, id, says, remedy }) => {
  expect(findingsOf(environment as Record<string, string>)).toEqual([
    { level: "warning", id, message: expect.stringContaining(says), remedy: expect.stringContaining(remedy) },
  ]);
});

describe("findProxy()", () => {
  const node = { name: "node", version: "24.0.0" } as const;
  const bun = { name: "bun", version: "1.4.0" } as const;
  const HTTP_PROXY = "http://proxy:8080";

  it.each<{ what: string; runtime: Runtime; environment: Record<string, string>; found: string | undefined }>([
    { what: "ignores HTTP_PROXY on Node by default", runtime: node, environment: { HTTP_PROXY }, found: undefined },
    {
      what: "finds HTTP_PROXY on Node with NODE_USE_ENV_PROXY",
      runtime: node,
      environment: { HTTP_PROXY, NODE_USE_ENV_PROXY: "1" },
      found: "HTTP_PROXY",
    },
    {
      what: "finds http_proxy on Node with --use-env-proxy",
      runtime: node,
      environment: { http_proxy: HTTP_PROXY, NODE_OPTIONS: "--use-env-proxy" },
      found: "http_proxy",
    },
    { what: "finds HTTP_PROXY on Bun", runtime: bun, environment: { HTTP_PROXY }, found: "HTTP_PROXY" },
    {
      what: "respects NO_PROXY with 127.0.0.1",
      runtime: bun,
      environment: { HTTP_PROXY, NO_PROXY: "localhost, 127.0.0.1" },
      found: undefined,
    },
    { what: "respects no_proxy with a star", runtime: bun, environment: { HTTP_PROXY, no_proxy: "*" }, found: undefined },
  ])("$what", ({ runtime, environment, found }) => {
    const way = found && `the proxy in ${found}, because NO_PROXY does not contain 127.0.0.1`;
    expect(findProxy(runtime, environment, [])).toBe(way);
  });

  it("finds a global dispatcher that is a proxy, whatever the environment variables are", () => {
    const key = Symbol.for("undici.globalDispatcher.0");
    const global = globalThis as unknown as Record<symbol, unknown>;
    global[key] = { constructor: { name: "ProxyAgent" } };
    try {
      expect(findProxy(node, {}, [])).toBe("undici's global dispatcher (ProxyAgent)");
    } finally {
      delete global[key];
    }
  });
});
