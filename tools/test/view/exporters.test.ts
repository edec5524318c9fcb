import { DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, diag, trace } from "@opentelemetry/api";
import type { ExportResult } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startView } from "../../src/view/server.ts";
import type { View } from "../../src/view/server.ts";
import { MAX_BODY } from "../../src/view/server/receive.ts";

let view: View;
let complaints: string[];
beforeEach(async () => {
  complaints = [];
  const note = (...parts: unknown[]): void => void complaints.push(parts.map(String).join(" "));
  diag.setLogger({ error: note, warn: note, info: () => {}, debug: () => {}, verbose: () => {} }, DiagLogLevel.WARN);
  view = await startView({ port: 0, maxSpansPerTrace: 50 });
});
afterEach(async () => {
  diag.disable();
  await view.close();
});

/** Has an SDK record spans, and send them as it does when it shuts down. */
async function record(exporter: OTLPTraceExporter | ProtobufExporter, count = 1): Promise<void> {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "writer", "service.instance.id": 7 }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer("a tracer", "1.2.3");
  const root = tracer.startSpan("root");
  for (let index = 0; index < count; index++) {
    const span = tracer.startSpan(
      `call ${index}`,
      {
        kind: SpanKind.CLIENT,
        attributes: { index, ratio: 0.5, list: ["a", "b"] },
        links: [{ context: root.spanContext() }],
      },
      trace.setSpan(ROOT_CONTEXT, root),
    );
    span.recordException(new TypeError("it broke"));
    span.setStatus({ code: SpanStatusCode.ERROR, message: "broken" });
    span.end();
  }
  root.end();
  await provider.shutdown();
}

describe("OpenTelemetry's own exporter", () => {
  it.each([
    ["JSON", "none", OTLPTraceExporter],
    ["JSON", "gzip", OTLPTraceExporter],
    ["protobuf", "none", ProtobufExporter],
    ["protobuf", "gzip", ProtobufExporter],
  ] as const)("sends complete spans in %s with compression %s", async (_, compression, Exporter) => {
    await record(new Exporter({ url: `${view.url}/v1/traces`, compression: compression as never }));
    expect(complaints).toEqual([]);
    const traces = view.store.traces();
    const call = traces.flatMap(({ spans }) => spans).find(({ name }) => name === "call 0");
    const root = traces.flatMap(({ spans }) => spans).find(({ name }) => name === "root");
    expect(call).toMatchObject({
      kind: "CLIENT",
      service: "writer",
      resource: { "service.name": "writer", "service.instance.id": 7 },
      scope: { name: "a tracer", version: "1.2.3" },
      status: "error",
      statusMessage: "broken",
      attributes: { index: 0, ratio: 0.5, list: ["a", "b"] },
      events: [{ name: "exception", attributes: { "exception.type": "TypeError", "exception.message": "it broke" } }],
      links: [{ traceId: root?.traceId, spanId: root?.spanId }],
      dropped: 0,
    });
    expect(Number((call?.end ?? 0n) - (call?.start ?? 0n))).toBeGreaterThanOrEqual(0);
  });

  it.each([
    ["JSON", OTLPTraceExporter],
    ["protobuf", ProtobufExporter],
  ] as const)("logs the spans beyond the limit, with %s", async (_, Exporter) => {
    await record(new Exporter({ url: `${view.url}/v1/traces` }), 60);
    expect(view.store.traces().map(({ spans }) => spans.length)).toEqual([50]);
    expect(complaints.join("\n")).toMatch(/rejectedSpans":"?11.*--max-spans/);
  });

  it("logs that an export is too large and which setting to change", async () => {
    const memory = new InMemorySpanExporter();
    const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: memory })] });
    const attributes = { content: "x".repeat(MAX_BODY) };
    provider.getTracer("a tracer").startSpan("large", { attributes }).end();
    await provider.forceFlush();
    const result = await new Promise<ExportResult>((resolve) =>
      new OTLPTraceExporter({ url: `${view.url}/v1/traces` }).export(memory.getFinishedSpans(), resolve),
    );
    expect(result.error).toMatchObject({ code: 413, data: expect.stringContaining("OTEL_BSP_MAX_EXPORT_BATCH_SIZE") as string });
    expect(view.store.traces()).toEqual([]);
  });
});
