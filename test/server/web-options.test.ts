import { DiagLogLevel, diag } from "@opentelemetry/api";
import type { Attributes, Span } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceRequests } from "../../src/server/web.ts";
import type { WebOptions } from "../../src/server/web.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";
import { TRACEPARENT } from "./client.ts";
import { activeTrace, webSpan } from "./web.ts";

let telemetry: TestTelemetry;
const heard = vi.fn<(...args: unknown[]) => void>();
const quiet = (): void => {};
beforeEach(() => {
  telemetry = startTelemetry();
  heard.mockReset();
  diag.setLogger({ error: heard, warn: heard, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.ALL);
});
afterEach(() => telemetry.stop());

const HEADERS = { traceparent: TRACEPARENT, tracestate: "vendor=1", baggage: "who=alice" };
const request = (path = "/", init: RequestInit = {}): Request =>
  new Request(`http://agents.example:8080${path}`, { headers: HEADERS, ...init });
const ok = (): Response => new Response(activeTrace() ?? "none");
const thrower = (): never => {
  throw new Error("not mine");
};

/** The whole span of a GET with a response. */
const expected = (path: string, more: Attributes = {}, shaped: Partial<SpanShape> = {}): SpanShape =>
  webSpan({ "server.port": 8080, "url.path": path, ...more }, shaped);
const onlySpan = async (): Promise<SpanShape> => shapeOf((await telemetry.ended(1))[0] as never);

describe("options", () => {
  it("call requestHook and responseHook once, with the span, the Request and the Response", async () => {
    const seen: unknown[] = [];
    const [sent, response] = [request(), new Response("x", { status: 202 })];
    traceRequests(() => response, {
      requestHook: (span: Span, given) => {
        seen.push(given);
        span.updateName("by hand");
      },
      responseHook: (span, exchange) => {
        seen.push(exchange.request, exchange.response);
        span.setAttribute("by.response", exchange.response.status);
      },
    })(sent);
    expect(await onlySpan()).toEqual(expected("/", { "http.response.status_code": 202, "by.response": 202 }, { name: "by hand" }));
    expect(seen).toEqual([sent, sent, response]);
  });

  it("leave the request untraced and unchanged if ignoreRequestHook returns true", async () => {
    const traced = traceRequests(ok, { ignoreRequestHook: ({ url }) => url.endsWith("/health") });
    expect(await traced(request("/health")).text()).toBe("none");
    expect(telemetry.started()).toBe(0);
  });

  it.each<[string, WebOptions]>([
    ["an ignoreRequestHook", { ignoreRequestHook: thrower }],
    ["a requestHook", { requestHook: thrower }],
    ["a responseHook", { responseHook: thrower }],
    ["a propagator", { propagator: { inject: thrower, extract: thrower, fields: () => ["traceparent"] } }],
    ["a TracerProvider", { tracerProvider: { getTracer: thrower } }],
    ["a MeterProvider", { meterProvider: { getMeter: thrower } }],
  ])("log the error of %s that throws, and nothing else", (_, options) => {
    expect(traceRequests(() => new Response("answer"), options)(request()).status).toBe(200);
    expect(heard.mock.calls.flat().join(" ")).toContain("not mine");
  });

  it("leave a request that cannot be read untraced", async () => {
    const broken = {
      get url() {
        return thrower();
      },
    } as unknown as Request;
    expect(await traceRequests(ok)(broken).text()).toBe("none");
    expect(heard.mock.calls.flat().join(" ")).toContain("not mine");
  });

  it("return a response that cannot be read", () => {
    const broken = Object.defineProperty(new Response("x"), "body", { get: thrower });
    expect(traceRequests(() => broken)(request())).toBe(broken);
  });

  it.each<[unknown, string]>([
    [{ ignoreRequestHook: true }, 'traceRequests: option "ignoreRequestHook" must be a function, not true'],
    [{ incoming: "nope" }, 'traceRequests: option "incoming" must be one of'],
    [{ requestHooks: quiet }, 'traceRequests: there is no option "requestHooks"'],
    [null, "traceRequests: options must be an object, not null"],
  ])("throw a TypeError that names an invalid option: %j", (wrong, message) => {
    expect(() => traceRequests(ok, wrong as object)).toThrow(TypeError);
    expect(() => traceRequests(ok, wrong as object)).toThrow(message);
  });

  it("throw a TypeError for a handler that is not a function", () => {
    expect(() => traceRequests({ fetch: ok } as never)).toThrow(
      new TypeError("traceRequests: handler must be a function, not {}; give it the object's fetch"),
    );
  });
});
