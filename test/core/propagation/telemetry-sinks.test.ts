import { afterEach, describe, expect, it, vi } from "vitest";
import { compileTelemetrySinks, isTelemetrySink, telemetrySinks } from "../../../src/core/propagation/telemetry-sinks.ts";

afterEach(() => vi.unstubAllEnvs());

const RUN = "0b1c2d3e-1111-4222-8333-444455556666";

describe("isTelemetrySink()", () => {
  it.each([
    "http://localhost:4318/v1/traces",
    "http://collector.corp.example:4318/v1/logs?x=1",
    "http://localhost:6006/v1/traces",
    "http://localhost:9411/api/v2/spans",
    "https://api.openai.com/v1/traces/ingest",
    "https://api.smith.langchain.com/runs/multipart",
    `https://eu.api.smith.langchain.com/runs/${RUN}`,
    "https://api.smith.langchain.com/otel/v1/traces",
    "https://cloud.langfuse.com/api/public/ingestion",
    "https://langfuse.corp.example/api/public/otel/v1/traces",
    "https://api.braintrust.dev/logs3",
    "https://api.worker.helicone.ai/custom/v1/log",
    "https://trace.wandb.ai/call/upsert_batch",
    "https://app.langwatch.ai/api/collector",
    "https://app.phoenix.arize.com/s/team/v1/traces",
    "https://otlp.eu-west-1a.arize.com/v1/traces",
    "https://otlp.agentops.ai/v1/traces",
    "https://logfire-us.pydantic.dev/v1/traces",
    "https://o123.ingest.us.sentry.io/api/456/envelope/?sentry_key=x",
    "https://sentry.corp.example/api/7/envelope/",
    "https://trace.agent.datadoghq.com/api/v0.2/traces",
    "https://http-intake.logs.us5.datadoghq.com/api/v2/logs",
    "https://llmobs-intake.datadoghq.eu/api/v2/llmobs",
    "https://browser-intake-us5-datadoghq.com/api/v2/rum",
    "https://api.us3.datadoghq.com/api/v2/series",
    "http://127.0.0.1:8126/v0.5/traces",
    "http://127.0.0.1:8126/evp_proxy/v2/api/v2/llmobs",
    "https://api.eu1.honeycomb.io/v1/traces",
    "https://api.honeycomb.io/1/batch/dataset",
    "https://otlp.eu01.nr-data.net/v1/traces",
    "https://trace-api.newrelic.com/trace/v1",
    "https://otlp-gateway-prod-eu-west-2.grafana.net/otlp/v1/traces",
    "https://logs-prod-012.grafana.net/loki/api/v1/push",
    "https://apm.corp.example/intake/v2/events",
    "https://abc123.live.dynatrace.com/api/v2/otlp/v1/traces",
    "https://westeurope-5.in.applicationinsights.azure.com/v2.1/track",
    "https://telemetry.googleapis.com/v1/traces",
    "https://xray.eu-west-1.amazonaws.com/v1/traces",
    "https://ingest.us1.signalfx.com/v2/trace/otlp",
    "https://user:secret@cloud.langfuse.com/api/public/ingestion",
  ])("is true for %s", (url) => {
    expect(isTelemetrySink(url)).toBe(true);
    expect(isTelemetrySink(new URL(url))).toBe(true);
  });

  it.each([
    "https://api.openai.com/v1/chat/completions",
    "https://api.openai.com/v1/traces/ingestion",
    "https://agents.example/v1/traces",
    "https://agents.example/runs/batch", // LangGraph's servers
    "https://api.smith.langchain.com/runs/query",
    "https://cloud.langfuse.com/api/public/traces",
    "https://cloud.langfuse.com/api/public/v2/prompts/name",
    "https://oai.helicone.ai/v1/chat/completions",
    "https://ai-gateway.helicone.ai/v1/chat/completions",
    "https://api.braintrust.dev/v1/proxy/chat/completions",
    "https://api.portkey.ai/v1/chat/completions",
    "https://api.datadoghq.com/api/v1/query",
    "https://mcp.datadoghq.com/api/unstable/mcp",
    "https://logs-prod-012.grafana.net/loki/api/v1/query",
    "https://sentry.io/api/0/projects/",
    "https://logfire-us.pydantic.dev/v1/query",
    "https://agents.example/?next=/api/public/ingestion",
    "https://agents.example/proxy/api/public/ingestion",
    "https://evilingest.sentry.io.example/api/x",
    "/api/public/ingestion",
    "not a URL",
  ])("is false for %s", (url) => {
    expect(isTelemetrySink(url)).toBe(false);
  });

  it("knows the OTLP endpoints in the environment", async () => {
    vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.corp.example/otel.in/");
    vi.stubEnv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs.corp.example:8080/ingest");
    vi.stubEnv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "localhost:4317");
    vi.stubEnv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "not a URL");
    vi.resetModules();
    const { isTelemetrySink: isSink } = await import("../../../src/core/propagation/telemetry-sinks.ts");
    expect(isSink("https://collector.corp.example/otel.in/v1/traces")).toBe(true);
    expect(isSink("https://collector.corp.example/otelxin/v1/traces")).toBe(false);
    expect(isSink("https://collector.corp.example/agents")).toBe(false);
    expect(isSink("http://logs.corp.example:8080/ingest?batch=1")).toBe(true);
    expect(isSink("http://logs.corp.example:8080/ingests")).toBe(false);
    expect(isSink("http://logs.corp.example/ingest")).toBe(false);
  });
});

describe("the list telemetrySinks", () => {
  it("has a host or a path in every entry", () => {
    expect(telemetrySinks.filter(({ hosts, path }) => hosts === undefined && path === undefined)).toEqual([]);
  });
});

describe("the option telemetrySinks", () => {
  it("adds hosts to the list", () => {
    const isSink = compileTelemetrySinks(["otel.corp.example", (url) => url.endsWith("/ingest")]);
    expect(isSink?.("https://otel.corp.example/any")).toBe(true);
    expect(isSink?.("https://other.example/ingest")).toBe(true);
    expect(isSink?.("https://api.openai.com/v1/traces/ingest")).toBe(true);
    expect(isSink?.("https://other.example/agent")).toBe(false);
  });

  it("switches the list off with false", () => {
    expect(compileTelemetrySinks(false)).toBeUndefined();
    expect(compileTelemetrySinks(undefined)?.("https://api.openai.com/v1/traces/ingest")).toBe(true);
  });

  it("matches no URL without a host", () => {
    expect(compileTelemetrySinks(undefined)?.("/api/public/ingestion")).toBe(false);
  });

  it("rejects text that is not a host", () => {
    expect(() => compileTelemetrySinks("https://a.example/path")).toThrow(TypeError);
  });
});
