import http from "node:http";
import { metrics, trace } from "@opentelemetry/api";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { getDiagnostics } from "../../src/diagnostics.ts";
import { isNativeFunction } from "../../src/core/node/native-function.ts";
import { instrumentNode, nodeInstrumentation } from "../../src/node.ts";
import type { NodeOptions, NodeRequest } from "../../src/node.ts";
import { recordDiagnostics } from "../support/diagnostics.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { httpGet } from "./clients.ts";

let server: TestServer;
beforeAll(async () => void (server = await serve(ROUTES)));
afterAll(() => server.close());

let telemetry: TestTelemetry;
beforeEach(() => {
  telemetry = startTelemetry();
  server.requests.length = 0;
});
let undos: (() => void)[] = [];
afterEach(async () => {
  for (const undo of undos) undo();
  undos = [];
  await telemetry.stop();
});

const instrument = (options?: NodeOptions): (() => void) => {
  const undo = instrumentNode(options);
  undos.push(undo);
  return undo;
};
const fetchOk = async (): Promise<string> => (await fetch(`${server.url}/ok`)).text();
const both = async (): Promise<void> => {
  await fetchOk();
  await httpGet(`${server.url}/ok`);
};
/** The clients whose requests have had a traceparent, of those that `both()` has made last. */
const traced = (): boolean[] => server.requests.slice(-2).map((request) => server.values("traceparent", request).length === 1);

describe("instrumentNode()", () => {
  it("replaces no function", () => {
    const before = { fetch, request: http.request, get: http.get };
    instrument();
    expect({ fetch, request: http.request, get: http.get }).toEqual(before);
    expect([fetch, http.request].map(isNativeFunction)).toEqual([true, true]);
  });

  it("is active until it is undone, as often as it was called", async () => {
    const undo = instrument();
    const undoOther = instrument();
    expect(getDiagnostics().isNodeInstrumented).toBe(true);
    undo();
    undo();
    await both();
    expect(traced()).toEqual([true, true]);
    undoOther();
    expect(getDiagnostics().isNodeInstrumented).toBe(false);
    await both();
    expect(traced()).toEqual([false, false]);
    instrument();
    await both();
    expect(traced()).toEqual([true, true]);
  });

  it("ends the span of a request that is in progress when it is undone", async () => {
    const undo = instrument();
    const requests = [fetch(`${server.url}/events`), httpGet(`${server.url}/events`)];
    await until(() => server.requests.length === 2);
    undo();
    const response = (await requests[0]) as Response;
    await response.text();
    await requests[1];
    expect(await telemetry.ended(2)).toHaveLength(2);
  });

  it.each<["undici" | "http", boolean[]]>([
    ["undici", [true, false]],
    ["http", [false, true]],
  ])("covers only the clients of its option: %s", async (client, expected) => {
    instrument({ clients: [client] });
    await both();
    expect(traced()).toEqual(expected);
  });

  it("uses options of a later call over a call without options, until they are undone", async () => {
    instrument();
    const undo = instrument({ propagateTo: "agents.example" });
    await both();
    expect(traced()).toEqual([false, false]);
    undo();
    await both();
    expect(traced()).toEqual([true, true]);
  });

  it("throws for other options, and says which call has set the first", () => {
    instrument({ propagateTo: "agents.example" });
    expect(() => instrumentNode({ propagateTo: "other.example" })).toThrow(
      /^instrumentNode: other options are in effect, which instrumentNode\(\) \(.*instrumentation\.test\.ts/u,
    );
  });

  it.each<[string, object, string]>([
    ["an unknown option", { propogateTo: "a" }, 'instrumentNode: there is no option "propogateTo"'],
    ["an unknown client", { clients: ["https"] }, 'instrumentNode: option "clients" must be an array of "undici", "http"'],
    ["a client that is no list", { clients: "http" }, 'instrumentNode: option "clients" must be an array'],
  ])("throws for %s", (_, options, message) => {
    expect(() => instrumentNode(options)).toThrow(message);
  });

  it("gives hooks the client and its request, and the response", async () => {
    const seen: unknown[] = [];
    const describeRequest = ({ client, request }: NodeRequest): string => `${client} ${request.method} ${request.path}`;
    instrument({
      startSpanHook: (request) => ({ described: describeRequest(request) }),
      requestHook: (_, request) => void seen.push(describeRequest(request)),
      responseHook: (_, { request, response }) =>
        void seen.push(`${describeRequest(request)}: ${response.statusCode} ${String(response.headers["content-type"])}`),
      urlTemplate: () => "/ok",
      headersToSpanAttributes: { responseHeaders: ["content-type"], requestHeaders: ["host"] },
    });
    await both();
    expect(seen).toEqual(["undici GET /ok", "undici GET /ok: 200 text/plain", "http GET /ok", "http GET /ok: 200 text/plain"]);
    const spans = await telemetry.ended(2);
    for (const { name, attributes } of spans) {
      expect(name).toBe("GET /ok");
      expect(attributes["http.response.header.content-type"]).toEqual(["text/plain"]);
    }
    expect(spans[1]!.attributes["http.request.header.host"]).toEqual([`127.0.0.1:${server.port}`]);
  });

  it("ignores a request for which ignoreRequestHook returns true", async () => {
    instrument({ ignoreRequestHook: ({ client }) => client === "http" });
    await both();
    expect(traced()).toEqual([true, false]);
  });

  it('ends the span with the headers for endSpanOn: "headers"', async () => {
    instrument({ endSpanOn: "headers" });
    const controller = new AbortController();
    const response = await fetch(`${server.url}/endless`, { signal: controller.signal });
    const request = http.get(`${server.url}/endless`).on("error", () => {});
    expect(await telemetry.ended(2)).toHaveLength(2);
    request.destroy();
    controller.abort();
    await response.text().catch(() => {});
  });

  it("logs what a hook throws and sends the request", async () => {
    const diagnostics = recordDiagnostics();
    instrument({
      requestHook: () => {
        throw new Error("broken");
      },
    });
    await both();
    expect(traced()).toEqual([true, true]);
    expect(diagnostics.messages("error")).toHaveLength(2);
  });
});

describe("headers that Node has written before the request is reported", () => {
  it("get a span and one message, but no trace context", async () => {
    const diagnostics = recordDiagnostics();
    instrument();
    await httpGet(`${server.url}/ok`, { headers: ["Host", `127.0.0.1:${server.port}`, "x-a", "1"] as never });
    await httpGet(`${server.url}/ok`, { headers: { expect: "100-continue" } });
    await telemetry.ended(2);
    expect(traced()).toEqual([false, false]);
    expect(diagnostics.messages("warn")).toEqual([expect.stringContaining("is recorded but carries no trace context")]);
  });

  it("are read: a traceparent that the application has set is the parent", async () => {
    instrument();
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const headers = ["Host", "x", "Traceparent", `00-${traceId}-00f067aa0ba902b7-01`];
    await httpGet(`${server.url}/ok`, { headers: headers as never });
    const [span] = await telemetry.ended(1);
    expect(span!.spanContext().traceId).toBe(traceId);
  });
});

describe("nodeInstrumentation()", () => {
  it("works in registerInstrumentations(), and is undone by what that returns", async () => {
    const instrumentation = nodeInstrumentation({ propagateTo: "127.0.0.1" });
    expect(instrumentation).toMatchObject({ instrumentationName: "a2a-otel", instrumentationVersion: expect.any(String) });
    await both();
    expect(traced()).toEqual([false, false]);
    const unregister = registerInstrumentations({ instrumentations: [instrumentation] });
    undos.push(unregister);
    await both();
    expect(traced()).toEqual([true, true]);
    expect(instrumentation.getConfig()).toEqual({ propagateTo: "127.0.0.1", enabled: true });
    unregister();
    await both();
    expect(traced()).toEqual([false, false]);
  });

  it("uses the providers that registerInstrumentations() is given", async () => {
    const ended: ReadableSpan[] = [];
    const onEnd = (span: ReadableSpan): void => void ended.push(span);
    const processor = { onStart: () => {}, onEnd, forceFlush: async () => {}, shutdown: async () => {} };
    const tracerProvider = new TracerProvider({ spanProcessors: [processor] });
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const meterProvider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] });
    undos.push(registerInstrumentations({ instrumentations: [nodeInstrumentation()], tracerProvider, meterProvider }));
    await both();
    await vi.waitFor(() => expect(ended).toHaveLength(2));
    expect(telemetry.own()).toEqual([]);
    await meterProvider.forceFlush();
    const names = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics: all }) => all));
    expect(names.map(({ descriptor }) => descriptor.name)).toEqual(["http.client.request.duration"]);
    await meterProvider.shutdown();
  });

  it("prefers a provider of its options, and otherwise follows the global one", async () => {
    const getTracer = vi.fn<TracerProvider["getTracer"]>(() => trace.getTracer("given"));
    const instrumentation = nodeInstrumentation({ tracerProvider: { getTracer } });
    undos.push(() => instrumentation.disable());
    instrumentation.setTracerProvider(new TracerProvider());
    instrumentation.enable();
    await both();
    expect(getTracer).toHaveBeenCalled();
    instrumentation.setConfig({});
    instrumentation.setTracerProvider(trace.getTracerProvider());
    instrumentation.setMeterProvider(metrics.getMeterProvider());
    await both();
    await telemetry.ended(2);
  });

  it("can be enabled, disabled and configured at any time", async () => {
    const instrumentation = nodeInstrumentation({ enabled: false });
    undos.push(() => instrumentation.disable());
    instrumentation.setConfig({ propagateTo: "agents.example" });
    expect(instrumentation.getConfig()).toEqual({ propagateTo: "agents.example", enabled: false });
    instrumentation.enable();
    instrumentation.enable();
    await both();
    expect(traced()).toEqual([false, false]);
    instrumentation.setConfig({ propagateTo: "127.0.0.1" });
    await both();
    expect(traced()).toEqual([true, true]);
    instrumentation.setConfig({ enabled: false });
    await both();
    expect(traced()).toEqual([false, false]);
    instrumentation.disable();
  });

  it("throws for invalid options when it is created and configured", () => {
    expect(() => nodeInstrumentation({ propagateTo: "https://a.example/path" })).toThrow("nodeInstrumentation: option");
    expect(() => nodeInstrumentation().setConfig({ clients: ["https"] } as never)).toThrow('option "clients"');
  });
});
