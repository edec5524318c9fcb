import { afterEach, describe, expect, it, vi } from "vitest";
import { CLIENT_OPTIONS, SERVER_OPTIONS, checkOptions } from "../../../src/core/telemetry/check-options.ts";
import { requestRules } from "../../../src/core/telemetry/request-rules.ts";

const fn = (): void => {};
const tracerProvider = { getTracer: fn };
const meterProvider = { getMeter: fn };
const propagator = { inject: fn, extract: fn, fields: fn };

const SHARED = {
  ignoreRequestHook: fn,
  requestHook: fn,
  responseHook: fn,
  headersToSpanAttributes: { requestHeaders: ["a"], responseHeaders: [] },
  sensitiveQueryParameters: [],
  knownMethods: ["GET"],
  a2a: "body",
  tracerProvider,
  meterProvider,
  propagator,
};

describe("checkOptions()", () => {
  it("accepts every option of clients and of servers", () => {
    const client = { ...SHARED, startSpanHook: fn, requireParentforSpans: true, urlTemplate: fn, endSpanOn: fn };
    const server = { ...SHARED, incoming: "parent", trustProxy: true, endSpanOn: "headers" };
    expect(() => checkOptions("f", client, CLIENT_OPTIONS)).not.toThrow();
    expect(() => checkOptions("f", server, SERVER_OPTIONS)).not.toThrow();
    expect(Object.keys(CLIENT_OPTIONS)).toEqual(expect.arrayContaining(Object.keys(client)));
    expect(Object.keys(SERVER_OPTIONS)).toEqual(expect.arrayContaining(Object.keys(server)));
  });

  it.each<[unknown, string]>([
    [{ requireParentForSpans: true }, 'f: there is no option "requireParentForSpans"; the options are '],
    [{ requireParentforSpans: 1 }, 'f: option "requireParentforSpans" must be true or false, not 1'],
    [{ endSpanOn: "body" }, 'f: option "endSpanOn" must be one of "response", "headers", or a function, not "body"'],
    [{ urlTemplate: "/x" }, 'f: option "urlTemplate" must be a function, not "/x"'],
    [{ startSpanHook: {} }, 'f: option "startSpanHook" must be a function, not {}'],
    [{ sensitiveQueryParameters: [1] }, 'f: option "sensitiveQueryParameters" must be an array of strings, not [1]'],
    [{ knownMethods: fn }, 'f: option "knownMethods" must be an array of strings, not a function'],
    [{ headersToSpanAttributes: null }, 'f: option "headersToSpanAttributes" must be { requestHeaders?: string[], '],
    [{ headersToSpanAttributes: { requestHeaders: "a" } }, 'f: option "headersToSpanAttributes" must be '],
    [{ headersToSpanAttributes: { request: ["a"] } }, 'f: option "headersToSpanAttributes" must be '],
    [{ meterProvider: fn }, 'f: option "meterProvider" must be a MeterProvider, not a function'],
    [{ propagator: 1n }, 'f: option "propagator" must be a TextMapPropagator, not bigint'],
    [{ propagator: { inject: fn, extract: fn } }, 'f: option "propagator" must be a TextMapPropagator, not {}'],
    [{ propagator: null }, 'f: option "propagator" must be a TextMapPropagator, not null'],
    [{ tracerProvider: { getTracer: 1 } }, 'f: option "tracerProvider" must be a TracerProvider, not {"getTracer":1}'],
    [{ headersToSpanAttributes: { requestHeaders: ["a"], requestHeadersToo: ["b"] } }, 'option "headersToSpanAttributes" must be '],
    [{ headersToSpanAttributes: { noResponseHeaders: ["a"] } }, 'option "headersToSpanAttributes" must be '],
    [{ headersToSpanAttributes: "requestHeaders" }, 'option "headersToSpanAttributes" must be '],
    [{ propagateTo: { host: "a" } }, 'option "propagateTo" must be a host, an origin, a RegExp, a function, or an array of these'],
    [{ modelProviders: "llm.example" }, 'option "modelProviders" must be an array of strings'],
    [{ modelProviders: [/llm/] }, 'option "modelProviders" must be an array of strings'],
    [{ baggageTo: ["a", 1] }, 'option "baggageTo" must be a host, an origin, a RegExp, a function, or an array of these'],
    [null, "f: options must be an object, not null"],
    [{ a2a: null }, 'f: option "a2a" must be one of "headers", "body", false, not null'],
    ["x", 'f: options must be an object, not "x"'],
    [fn, "f: options must be an object, not a function"],
    [undefined, "f: options must be an object, not undefined"],
  ])("names the wrong option and what it needs: %o", (options, message) => {
    expect(() => checkOptions("f", options, CLIENT_OPTIONS)).toThrow(TypeError);
    expect(() => checkOptions("f", options, CLIENT_OPTIONS)).toThrow(message);
  });

  it.each([
    { endSpanOn: undefined },
    { headersToSpanAttributes: { requestHeaders: undefined } },
    { propagateTo: "a" },
    { propagateTo: /a/ },
    { propagateTo: fn },
    { propagateTo: ["a", /a/, fn] },
    { propagateTo: [] },
  ])("accepts %o", (options) => {
    expect(() => checkOptions("f", options, CLIENT_OPTIONS)).not.toThrow();
  });

  it("rejects options of clients for servers and the reverse", () => {
    expect(() => checkOptions("f", { urlTemplate: fn }, SERVER_OPTIONS)).toThrow('no option "urlTemplate"');
    expect(() => checkOptions("f", { trustProxy: true }, CLIENT_OPTIONS)).toThrow('no option "trustProxy"');
  });

  it("accepts a provider with inherited methods", () => {
    class Provider {
      getTracer(): void {}
    }
    expect(() => checkOptions("f", { tracerProvider: new Provider() }, CLIENT_OPTIONS)).not.toThrow();
  });

  it("accepts both types of an option with two types", () => {
    const check = (options: object) => (): void => checkOptions("f", options, SERVER_OPTIONS);
    expect(check({ incoming: "ignore", acceptBaggage: ["a"] })).not.toThrow();
    expect(check({ incoming: fn, acceptBaggage: false })).not.toThrow();
    expect(check({ incoming: "child" })).toThrow('must be one of "parent", "link", "ignore", or a function, not "child"');
    expect(check({ acceptBaggage: "a" })).toThrow('option "acceptBaggage" must be true or false, or an array of strings, not "a"');
  });

  it("rejects names that every object inherits", () => {
    for (const name of ["constructor", "toString"]) {
      expect(() => checkOptions("f", { [name]: fn }, CLIENT_OPTIONS)).toThrow(`f: there is no option "${name}"`);
    }
  });
});

describe("requestRules()", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("lower-cases header names, also in the attribute", () => {
    const { requestHeaders, responseHeaders } = requestRules({ headersToSpanAttributes: { requestHeaders: ["X-Tenant"] } });
    expect(requestHeaders).toEqual([{ name: "x-tenant", attribute: "http.request.header.x-tenant" }]);
    expect(responseHeaders).toEqual([]);
  });

  it.each<[string, string[]]>([
    ["", ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"]],
    ["  ", ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"]],
    ["GET, PURGE,,get", ["GET", "PURGE", "get"]],
  ])("replaces the whole list of known methods by OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS=%j", (value, methods) => {
    vi.stubEnv("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", value);
    expect([...requestRules({}).knownMethods].toSorted()).toEqual(methods);
  });

  it("prefers the option to the environment", () => {
    vi.stubEnv("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "PURGE");
    expect([...requestRules({ knownMethods: ["GET"] }).knownMethods]).toEqual(["GET"]);
  });
});
