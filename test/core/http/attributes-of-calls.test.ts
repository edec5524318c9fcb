import { runInNewContext } from "node:vm";
import type { Attributes } from "@opentelemetry/api";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { A2ARecognition } from "../../../src/core/http/a2a-recognition.ts";
import { protocolVersion } from "../../../src/core/http/attributes.ts";
import { hrefWithoutData, isSameOrigin, originOf } from "../../../src/core/http/urls.ts";
import { errorType, isError } from "../../../src/core/http/errors.ts";
import { redactHeader, redactQuery, redactUrl, sensitiveQuery } from "../../../src/core/http/redaction.ts";
import { measuredAttributes as measuredOfClient, nameSpan, startAttributes } from "../../../src/core/http/client-attributes.ts";
import { clientConfig } from "../../../src/core/calls/client-config.ts";
import type { ClientOptions, ServerOptions } from "../../../src/core/telemetry/options.ts";
import { measuredAttributes as measuredOfServer, requestAttributes } from "../../../src/core/http/server-attributes.ts";
import type { Received } from "../../../src/core/http/server-attributes.ts";
import { serverConfig } from "../../../src/core/calls/server-config.ts";

afterEach(() => vi.unstubAllGlobals());

const URL_ = "https://agent.example/rpc";
const HEADERS = { "X-Tenant": "acme", Authorization: "Bearer secret" };
const RECORDED = { requestHeaders: ["x-tenant", "AUTHORIZATION", "x-none"] };
const OF_HEADERS = { "http.request.header.x-tenant": ["acme"], "http.request.header.authorization": ["REDACTED"] };

describe("a call", () => {
  const started = (method: string, url: string, options: ClientOptions = {}, resendCount = 0): Attributes => {
    const config = clientConfig("f", options);
    return startAttributes(config, config.target(method, url), HEADERS, resendCount);
  };

  it("starts with what its URL tells, and without what it does not", () => {
    expect(started("GET", URL_)).toStrictEqual({
      "http.request.method": "GET",
      "server.address": "agent.example",
      "server.port": 443,
      "url.full": URL_,
    });
    expect(started("GET", "agent://agent.example/rpc")).toStrictEqual({
      "http.request.method": "GET",
      "server.address": "agent.example",
      "url.full": "agent://agent.example/rpc",
    });
    expect(started("GET", "/rpc")).toStrictEqual({ "http.request.method": "GET", "url.full": "/rpc" });
  });

  it("tells an unknown method beside _OTHER, its attempts, and the headers asked for that are there", () => {
    expect(started("PURGE", "/rpc", { headersToSpanAttributes: RECORDED }, 2)).toStrictEqual({
      "http.request.method": "_OTHER",
      "http.request.method_original": "PURGE",
      "http.request.resend_count": 2,
      "url.full": "/rpc",
      ...OF_HEADERS,
    });
  });

  const CARD: A2ARecognition = { method: undefined, template: "/.well-known/agent-card.json" };
  const SEND: A2ARecognition = { method: "SendMessage", template: undefined };
  const GET_TASK: A2ARecognition = { method: "GetTask", template: "/tasks/{id}" };
  const fail = (): never => {
    throw new Error("a hook of the user's");
  };

  it.each<[string, ClientOptions, A2ARecognition | undefined, string, Attributes]>([
    ["GET", {}, undefined, "GET", {}],
    ["_OTHER", {}, undefined, "HTTP", {}],
    ["_OTHER", { urlTemplate: () => "/{any}" }, undefined, "HTTP /{any}", { "url.template": "/{any}" }],
    ["GET", {}, GET_TASK, "GET /tasks/{id}", { "a2a.method.name": "GetTask", "url.template": "/tasks/{id}" }],
    ["GET", {}, CARD, "GET /.well-known/agent-card.json", { "url.template": "/.well-known/agent-card.json" }],
    ["POST", {}, SEND, "POST", { "a2a.method.name": "SendMessage" }],
    ["GET", { urlTemplate: () => "/{any}" }, GET_TASK, "GET /{any}", { "a2a.method.name": "GetTask", "url.template": "/{any}" }],
    ["GET", { urlTemplate: () => undefined }, CARD, "GET /.well-known/agent-card.json", { "url.template": CARD.template! }],
    ["GET", { urlTemplate: () => 7 as never }, undefined, "GET", {}],
    ["GET", { urlTemplate: fail, startSpanHook: fail }, undefined, "GET", {}],
    ["GET", { startSpanHook: (request) => ({ "by.hook": String(request) }) }, undefined, "GET", { "by.hook": "request" }],
  ])("%s with the options %o and A2A's %o is named %s, and tells %j", (method, options, a2a, name, more) => {
    const attributes: Attributes = { "http.request.method": method };
    expect(nameSpan(clientConfig("f", options), attributes, "request", a2a)).toBe(name);
    expect(attributes).toStrictEqual({ "http.request.method": method, ...more });
  });

  it("is measured by what is known of it, and nothing else", () => {
    const { target } = clientConfig("f");
    expect(measuredOfClient(target("GET", "/rpc"), undefined, undefined, undefined)).toStrictEqual({
      "http.request.method": "GET",
    });
    expect(measuredOfClient(target("PURGE", URL_), 503, "503", "1.1")).toStrictEqual({
      "http.request.method": "_OTHER",
      "server.address": "agent.example",
      "server.port": 443,
      "url.scheme": "https",
      "http.response.status_code": 503,
      "error.type": "503",
      "network.protocol.version": "1.1",
    });
  });
});

describe("a request that came in", () => {
  const told = (more: Partial<Received>, options: ServerOptions = {}): Attributes =>
    requestAttributes(serverConfig("f", options), {
      method: "GET",
      target: "/rpc",
      scheme: "https",
      host: undefined,
      headers: HEADERS,
      userAgent: undefined,
      carried: () => undefined,
      ...more,
    });
  const LITTLE = { "http.request.method": "GET", "url.path": "/rpc", "url.scheme": "https" };

  it("tells nothing of what is not known", () => {
    expect(told({})).toStrictEqual(LITTLE);
    expect(told({ host: "not a host" })).toStrictEqual(LITTLE);
    expect(told({ scheme: "agent", host: "agent.example" })).toStrictEqual({
      ...LITTLE,
      "url.scheme": "agent",
      "server.address": "agent.example",
    });
  });

  it("tells the headers asked for that are there, without credentials", () => {
    expect(told({}, { headersToSpanAttributes: RECORDED })).toStrictEqual({ ...LITTLE, ...OF_HEADERS });
  });

  it.each([
    ["http://agent.example/", "/"],
    ["http://agent.example/a/", "/a/"],
    ["http://agent.example/a?b/", "/a"],
    ["/a/", "/a/"],
    ["/http://agent.example/", "/http://agent.example/"],
  ])("for %s is one for the path %s", (target, path) => {
    expect(told({ target })).toMatchObject({ "url.path": path });
  });

  it("is measured by what is known of it, and nothing else", () => {
    const attributes = { ...LITTLE, "server.address": "agent.example" };
    const measured = { "http.request.method": "GET", "url.scheme": "https" };
    expect(measuredOfServer(attributes, undefined, undefined)).toStrictEqual(measured);
    expect(measuredOfServer({ ...attributes, "error.type": "500", "network.protocol.version": "2" }, "/{any}", 500)).toStrictEqual({
      ...measured,
      "error.type": "500",
      "network.protocol.version": "2",
      "http.route": "/{any}",
      "http.response.status_code": 500,
    });
  });
});

describe("an origin", () => {
  it.each(["", "/", "/rpc?x=1", "?x=1", "#x", "\\rpc"])("stands in a URL up to what follows it: %j", (rest) => {
    expect(originOf(`https://text.example:8443${rest}`)).toMatchObject({
      text: "https://text.example:8443",
      address: "text.example",
      port: 8443,
    });
  });

  it.each([
    ["https://a.example/", "https://a.example:443/rpc", true],
    ["https://a.example/", "https://b.example/", false],
    ["https://a.example/", "https://a.example:8443/", false],
    ["https://a.example/", "http://a.example:443/", false],
  ])("%s and %s are of the same one: %s", (a, b, expected) => {
    expect(isSameOrigin(originOf(a), originOf(b))).toBe(expected);
  });

  it("is remembered through thousands of others, but not for ever", () => {
    const first = originOf("https://first.example/a");
    const others = (count: number): void => {
      for (let i = 0; i < count; i++) originOf(`https://h${i}.example/`);
    };
    others(1000);
    expect(originOf("https://first.example/b")).toBe(first);
    others(5000);
    expect(originOf("https://first.example/c")).not.toBe(first);
    expect(originOf("https://first.example/c")).toEqual(first);
  });
});

describe("what is recorded of a URL", () => {
  it.each([
    [URL_, URL_],
    ["data:text/plain;base64,c2VjcmV0,more", "data:text/plain;base64,"],
    ["data:,secret", "data:,"],
    ["blob:https://a.example/1,2", "blob:https://a.example/1,2"],
  ])("%s as an address is %s", (url, address) => {
    expect(hrefWithoutData(new URL(url))).toBe(address);
  });

  it.each([
    ["user:pass@a.example:443", "REDACTED:REDACTED@a.example:443"],
    ["//user:pass@a.example/rpc", "//REDACTED:REDACTED@a.example/rpc"],
    ["/users/me@a.example", "/users/me@a.example"],
  ])("no user info: of %s, which is none, it is %s", (url, redacted) => {
    expect(redactUrl(url, sensitiveQuery(["sig"]))).toBe(redacted);
  });

  it("all of its query, where no parameter is sensitive", () => {
    expect(redactQuery("?undefined=1&sig=2", sensitiveQuery([]))).toBe("?undefined=1&sig=2");
  });
});

it.each(["cookie-consent", "accept-cookie", "authorization-hint"])("%s has a credential's name in its own, and is none", (name) => {
  expect(redactHeader(name, "value")).toBe("value");
});

describe("an error", () => {
  const withCode = (code: string): Error => Object.assign(new Error("m"), { code });
  const cyclic = new AggregateError([]);
  cyclic.errors.push(cyclic);
  const eight = Array.from({ length: 8 }, () => new Error("x"));

  it.each<[string, unknown, string]>([
    ["whose cause is null", new TypeError("x", { cause: null }), "TypeError"],
    [
      "whose cause has a code, and one of its errors too",
      new AggregateError([withCode("B1")], "m", { cause: withCode("A1") }),
      "A1",
    ],
    ["the eighth of whose errors has a code", new AggregateError([...eight.slice(1), withCode("A1")]), "A1"],
    ["the ninth of whose errors has a code", new AggregateError([...eight, withCode("A1")]), "AggregateError"],
    ["that is one of its own errors", cyclic, "AggregateError"],
    ["that has lost its name", Object.assign(new TypeError("x"), { name: undefined }), "TypeError"],
    ["whose code is too long", withCode("A".repeat(65)), "Error"],
    ["whose code is as long as can be", withCode("A".repeat(64)), "A".repeat(64)],
    ["of another realm", runInNewContext("new RangeError('x')"), "RangeError"],
  ])("%s is of the type %s", (_, error, type) => {
    expect(errorType(error)).toBe(type);
  });

  it("of errors that are each made of eight others no more are asked than is quick", () => {
    let asked = 0;
    const madeOf = (depth: number): Error => {
      const error = new AggregateError([], "all failed");
      Object.defineProperty(error, "errors", {
        get: () => {
          asked++;
          return depth === 0 ? [] : Array.from({ length: 8 }, () => madeOf(depth - 1));
        },
      });
      return error;
    };
    expect(errorType(madeOf(9))).toBe("AggregateError");
    expect(asked).toBeLessThan(100);
    expect(asked).toBeGreaterThan(8);
  });

  it("is one whatever it calls itself, and of whatever realm", () => {
    const named = Object.assign(new Error("x"), { [Symbol.toStringTag]: "Failure" });
    const errors: unknown[] = [new Error("x"), named, runInNewContext("new Error('x')"), new DOMException("x")];
    expect(errors.map(isError)).toEqual([true, true, true, true]);
    expect(["Error", {}, { name: "Error", message: "x" }, null, undefined].map(isError)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  it("may be a DOMException that is no Error, as on some platforms; on others there is none", () => {
    class Exception {
      name = "TimeoutError";
    }
    vi.stubGlobal("DOMException", Exception);
    expect([isError(new Exception()), isError({}), errorType(new Exception())]).toEqual([true, false, "TimeoutError"]);
    vi.stubGlobal("DOMException", undefined);
    expect([isError(new Exception()), isError(new Error("x"))]).toEqual([false, true]);
  });
});

it("HTTP/2 is 2, as the conventions have it, whatever Node calls it", () => {
  expect(["1.0", "1.1", "2.0", "2"].map(protocolVersion)).toEqual(["1.0", "1.1", "2", "2"]);
});
