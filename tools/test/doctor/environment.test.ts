import { redactText } from "a2a-otel/diagnostics";
import { describe, expect, test } from "vitest";
import { checkEnvironment } from "../../src/doctor/checks/environment.ts";
import { proxyInTheWay } from "../../src/doctor/round-trip/proxy.ts";
import { collectFindings } from "../../src/doctor/findings.ts";
import type { Finding } from "../../src/doctor/findings.ts";
import type { Runtime } from "../../src/doctor/checks/runtime.ts";

function findingsOf(environment: Record<string, string>): Finding[] {
  const findings = collectFindings(redactText);
  checkEnvironment(findings, environment);
  return findings.all;
}

test.each([
  { environment: {}, says: "No OTEL_ variable is set." },
  { environment: { OTEL_PROPAGATORS: "", OTEL_TRACES_SAMPLER: " " }, says: "No OTEL_ variable is set." },
  {
    environment: { OTEL_SERVICE_NAME: "agent", OTEL_PROPAGATORS: "tracecontext,baggage,b3", PATH: "/bin" },
    says: "Nothing odd in the environment: OTEL_PROPAGATORS, OTEL_SERVICE_NAME.",
  },
  { environment: { OTEL_SDK_DISABLED: "false" }, says: "Nothing odd in the environment: OTEL_SDK_DISABLED." },
  { environment: { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.1" }, says: "Nothing odd" },
  { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318" }, says: "Nothing odd" },
  {
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
    says: "Nothing odd",
  },
  { environment: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://localhost:4318/v1/traces" }, says: "Nothing odd" },
])("$environment is in order", ({ environment, says }) => {
  expect(findingsOf(environment as Record<string, string>)).toEqual([
    { level: "ok", id: "environment", message: expect.stringContaining(says) },
  ]);
});

test.each([
  { environment: { OTEL_SDK_DISABLED: "TRUE" }, id: "env-disabled", says: "registers nothing", remedy: "unset OTEL_SDK_DISABLED." },
  {
    environment: { OTEL_SDK_DISABLED: "1" },
    id: "env-disabled",
    says: 'is "1", and only "true" means true',
    remedy: "OTEL_SDK_DISABLED=true, or unset it.",
  },
  {
    environment: { OTEL_PROPAGATORS: "none" },
    id: "env-propagators",
    says: "no trace context leaves",
    remedy: "OTEL_PROPAGATORS=tracecontext,baggage",
  },
  {
    environment: { OTEL_PROPAGATORS: "b3, baggage" },
    id: "env-propagators",
    says: "has no tracecontext",
    remedy: "OTEL_PROPAGATORS=tracecontext,baggage,b3",
  },
  {
    environment: { OTEL_PROPAGATORS: "tracecontext" },
    id: "env-propagators",
    says: "has no baggage",
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
    says: "no sampler that the specification knows",
    remedy: "one of always_on",
  },
  {
    environment: { OTEL_TRACES_SAMPLER: "traceidratio" },
    id: "env-sampler",
    says: "samples everything",
    remedy: "OTEL_TRACES_SAMPLER_ARG=0.1",
  },
  {
    environment: { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "10" },
    id: "env-sampler",
    says: '"10", which is no ratio from 0 to 1',
    remedy: "0.1",
  },
  {
    environment: { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.0" },
    id: "env-sampler",
    says: "samples nothing",
    remedy: "0.1",
  },
  { environment: { OTEL_TRACES_EXPORTER: "none" }, id: "env-exporter", says: "go nowhere", remedy: "unset" },
  {
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://user:secret@collector:4317" },
    id: "env-endpoint",
    says: "http://REDACTED:REDACTED@collector:4317 is the port of gRPC, while the protocol is http/protobuf",
    remedy: "http://REDACTED:REDACTED@collector:4318",
  },
  {
    environment: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://collector:4318", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "grpc" },
    id: "env-endpoint",
    says: "is the port of OTLP over HTTP, while the protocol is grpc",
    remedy: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://collector:4317",
  },
  {
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" },
    id: "env-endpoint",
    says: "no URL with http",
    remedy: "http://localhost:4318",
  },
  {
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/v1/traces" },
    id: "env-endpoint",
    says: "gets /v1/traces put behind it once more",
    remedy: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
  },
  {
    environment: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://collector:4318" },
    id: "env-endpoint",
    says: "is used as it is, without /v1/traces",
    remedy: "put /v1/traces behind it",
  },
])("$environment is a surprise", ({ environment, id, says, remedy }) => {
  expect(findingsOf(environment as Record<string, string>)).toEqual([
    { level: "warning", id, message: expect.stringContaining(says), remedy: expect.stringContaining(remedy) },
  ]);
});

describe("a proxy in the way of a call to loopback", () => {
  const node = { name: "node", version: "24.0.0" } as const;
  const bun = { name: "bun", version: "1.4.0" } as const;
  const HTTP_PROXY = "http://proxy:8080";

  test.each<{ what: string; runtime: Runtime; environment: Record<string, string>; found: string | undefined }>([
    { what: "Node heeds no variable by itself", runtime: node, environment: { HTTP_PROXY }, found: undefined },
    { what: "Node is told to", runtime: node, environment: { HTTP_PROXY, NODE_USE_ENV_PROXY: "1" }, found: "HTTP_PROXY" },
    {
      what: "an option tells Node to",
      runtime: node,
      environment: { http_proxy: HTTP_PROXY, NODE_OPTIONS: "--use-env-proxy" },
      found: "http_proxy",
    },
    { what: "Bun heeds it", runtime: bun, environment: { HTTP_PROXY }, found: "HTTP_PROXY" },
    { what: "127.0.0.1 is spared", runtime: bun, environment: { HTTP_PROXY, NO_PROXY: "localhost, 127.0.0.1" }, found: undefined },
    { what: "everybody is spared", runtime: bun, environment: { HTTP_PROXY, no_proxy: "*" }, found: undefined },
  ])("$what", ({ runtime, environment, found }) => {
    const way = found && `the proxy of ${found}, since NO_PROXY does not name 127.0.0.1`;
    expect(proxyInTheWay(runtime, environment, [])).toBe(way);
  });

  test("a dispatcher that is one, whatever the environment says", () => {
    const key = Symbol.for("undici.globalDispatcher.0");
    const global = globalThis as unknown as Record<symbol, unknown>;
    global[key] = { constructor: { name: "ProxyAgent" } };
    try {
      expect(proxyInTheWay(node, {}, [])).toBe("the global dispatcher of undici, a ProxyAgent");
    } finally {
      delete global[key];
    }
  });
});
