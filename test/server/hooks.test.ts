import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { DiagLogLevel, context, diag, trace } from "@opentelemetry/api";
import type { Span, TextMapPropagator } from "@opentelemetry/api";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceRequests as middleware } from "../../src/server/express.ts";
import { traceRequests } from "../../src/server/node.ts";
import type { NodeServerOptions } from "../../src/server/node.ts";
import { listen } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, getAttributes, send } from "./client.ts";

let telemetry: TestTelemetry;
let server: TestServer | undefined;
const heard = vi.fn<(...args: unknown[]) => void>();
const quiet = (): void => {};
beforeEach(() => {
  telemetry = startTelemetry();
  heard.mockReset();
  diag.setLogger({ error: heard, warn: heard, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.ALL);
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await telemetry.stop();
});

const OK: RequestListener = (_, response) => void response.end(trace.getActiveSpan()?.spanContext().traceId ?? "none");
const AFTER_BODY: RequestListener = (request, response) => void request.resume().on("end", () => response.end("answer"));
const HEADERS = { traceparent: TRACEPARENT };
async function answerWith(options: NodeServerOptions, path = "/", listener = OK): Promise<string> {
  server = await listen(traceRequests(listener, options));
  return (await send(server.url + path, { headers: HEADERS })).body;
}
const thrower = (): never => {
  throw new Error("not mine");
};

describe("hooks", () => {
  it("are called once, with the span, the request and the response", async () => {
    const seen: unknown[] = [];
    let pair: [IncomingMessage, ServerResponse] | undefined;
    const answer = await answerWith(
      {
        requestHook: (span, request) => {
          seen.push(["request", request]);
          span.setAttribute("by.request", request.url ?? "");
          span.updateName("named by hand");
        },
        responseHook: (span, { request, response }) => {
          seen.push(["response", request, response]);
          span.setAttribute("by.response", response.statusCode);
        },
      },
      "/path",
      (request, response) => {
        pair = [request, response];
        response.writeHead(201).end();
      },
    );
    expect(answer).toBe("");
    const [span] = await telemetry.ended(1);
    expect(seen).toEqual([
      ["request", pair?.[0]],
      ["response", pair?.[0], pair?.[1]],
    ]);
    expect(span && shapeOf(span)).toMatchObject({
      name: "named by hand",
      attributes: getAttributes(server?.port ?? 0, "/path", {
        "by.request": "/path",
        "by.response": 201,
        "http.response.status_code": 201,
      }),
    });
  });

  it.each(["requestHook", "responseHook", "ignoreRequestHook"] as const)("a %s that throws is only logged", async (hook) => {
    expect(await answerWith({ [hook]: thrower })).toBe(TRACE_ID);
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toMatchObject({ name: "GET", attributes: getAttributes(server?.port ?? 0, "/") });
    expect(heard).toHaveBeenCalledTimes(1);
    expect(heard.mock.calls[0]?.join(" ")).toMatch(new RegExp(`${hook} threw.*not mine`));
  });

  it("are not called for a request that is not sampled, whose decision is propagated", async () => {
    await telemetry.stop();
    telemetry = startTelemetry({ sampler: new AlwaysOffSampler() });
    const requestHook = vi.fn<() => void>();
    expect(await answerWith({ requestHook, responseHook: requestHook })).toBe(TRACE_ID);
    expect(requestHook).not.toHaveBeenCalled();
    expect(telemetry.spans()).toEqual([]);
  });

  it("leave a request untraced and unchanged if ignoreRequestHook returns true", async () => {
    expect(await answerWith({ ignoreRequestHook: (request) => request.url === "/health" }, "/health")).toBe("none");
    expect((await send(`${server?.url}/rpc`, { headers: HEADERS })).body).toBe(TRACE_ID);
    const [span] = await telemetry.ended(1);
    expect(span?.attributes["url.path"]).toBe("/rpc");
    expect(telemetry.started()).toBe(1);
  });

  it("do not ignore a request if ignoreRequestHook returns another value than true", async () => {
    expect(await answerWith({ ignoreRequestHook: (() => Promise.resolve(true)) as unknown as () => boolean })).toBe(TRACE_ID);
    await telemetry.ended(1);
  });
});

describe("an error of telemetry does not reach the application", () => {
  const brokenSpan = new Proxy({} as Span, {
    get: (_, key) =>
      key === "spanContext"
        ? () => ({ traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1 })
        : key === "isRecording"
          ? () => true
          : thrower,
  });
  it.each<[string, NodeServerOptions]>([
    ["a propagator", { propagator: { inject: thrower, extract: thrower, fields: () => ["traceparent"] } }],
    ["a propagator's fields", { propagator: { inject: thrower, extract: thrower, fields: thrower } }],
    ["a TracerProvider", { tracerProvider: { getTracer: thrower } }],
    ["a tracer", { tracerProvider: { getTracer: () => ({ startSpan: thrower, startActiveSpan: thrower }) } }],
    ["a span", { tracerProvider: { getTracer: () => ({ startSpan: () => brokenSpan, startActiveSpan: thrower }) } }],
    ["a MeterProvider", { meterProvider: { getMeter: thrower } }],
  ])("if %s throws", async (_, options) => {
    expect(await answerWith({ ...options, headersToSpanAttributes: { responseHeaders: ["date"] } }, "/", AFTER_BODY)).toBe(
      "answer",
    );
    expect(heard).toHaveBeenCalled();
    expect(heard.mock.calls.flat().join(" ")).toContain("not mine");
  });

  it("if there is no context manager", async () => {
    context.disable();
    expect(await answerWith({})).toBe("none");
    await telemetry.ended(1);
  });
});

describe("tracerProvider and propagator", () => {
  it("are used instead of the global ones", async () => {
    const startSpan = vi.fn<() => Span>(() => trace.wrapSpanContext({ traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1 }));
    const propagator: TextMapPropagator = {
      inject: quiet,
      extract: (parent, carrier, getter) => parent.setValue(Symbol.for("x"), getter.get(carrier, "x-trace")),
      fields: () => ["x-trace"],
    };
    let seen: unknown;
    server = await listen(
      traceRequests(
        (_, response) => {
          seen = context.active().getValue(Symbol.for("x"));
          response.end();
        },
        { tracerProvider: { getTracer: () => ({ startSpan, startActiveSpan: thrower }) }, propagator },
      ),
    );
    await send(server.url, { headers: { "X-Trace": "here" } });
    expect(seen).toBe("here");
    expect(startSpan).toHaveBeenCalledTimes(1);
    expect(telemetry.started()).toBe(0);
  });
});

describe("an invalid argument throws a TypeError that names it", () => {
  const options =
    "ignoreRequestHook, requestHook, responseHook, headersToSpanAttributes, sensitiveQueryParameters, knownMethods, a2a, ";
  it.each<[unknown, string]>([
    [{ ignoreRequestHook: true }, 'traceRequests: option "ignoreRequestHook" must be a function, not true'],
    [{ trustProxy: "yes" }, 'traceRequests: option "trustProxy" must be true or false, not "yes"'],
    [{ knownMethods: "GET" }, 'traceRequests: option "knownMethods" must be an array of strings, not "GET"'],
    [{ incoming: "nope" }, 'traceRequests: option "incoming" must be one of'],
    [{ a2a: true }, 'traceRequests: option "a2a" must be one of "headers", "body", false, not true'],
    [
      { headersToSpanAttributes: { headers: [] } },
      'traceRequests: option "headersToSpanAttributes" must be { requestHeaders?: string[]',
    ],
    [{ tracerProvider: {} }, 'traceRequests: option "tracerProvider" must be a TracerProvider, not {}'],
    [{ propagator: { inject: quiet } }, 'traceRequests: option "propagator" must be a TextMapPropagator'],
    [{ requestHooks: quiet }, `traceRequests: there is no option "requestHooks"; the options are ${options}`],
    [null, "traceRequests: options must be an object, not null"],
    ["x", 'traceRequests: options must be an object, not "x"'],
  ])("for the options %j", (wrong, message) => {
    for (const make of [() => traceRequests(OK, wrong as object), () => middleware(wrong as object)]) {
      expect(make).toThrow(TypeError);
      expect(make).toThrow(message);
    }
  });

  it("for a listener that is not a function", () => {
    expect(() => traceRequests(undefined as unknown as RequestListener)).toThrow(
      new TypeError("traceRequests: listener must be a function, not undefined"),
    );
  });

  it("except for an option that is undefined", () => {
    expect(() => traceRequests(OK, { requestHook: undefined, trustProxy: undefined })).not.toThrow();
  });
});
