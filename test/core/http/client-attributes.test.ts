import { ROOT_CONTEXT } from "@opentelemetry/api";
import type { Attributes } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { clientConfig } from "../../../src/core/calls/client-config.ts";
import type { A2ARecognition } from "../../../src/core/http/a2a-recognition.ts";
import { clientMetricAttributes, nameSpan, clientStartAttributes } from "../../../src/core/http/client-attributes.ts";
import type { ClientOptions } from "../../../src/core/telemetry/options.ts";

const URL_ = "https://agent.example/rpc";
const HEADERS = { "X-Tenant": "acme", Authorization: "Bearer secret" };
const RECORDED = { requestHeaders: ["x-tenant", "AUTHORIZATION", "x-none"] };
const OF_HEADERS = { "http.request.header.x-tenant": ["acme"], "http.request.header.authorization": ["REDACTED"] };

describe("the attributes of an outbound call", () => {
  const attributesOf = (method: string, url: string, options: ClientOptions = {}, resendCount = 0): Attributes => {
    const config = clientConfig("f", options);
    return clientStartAttributes(config, config.target(method, url), HEADERS, resendCount);
  };

  it("contain the parts of the URL that are known", () => {
    expect(attributesOf("GET", URL_)).toStrictEqual({
      "http.request.method": "GET",
      "server.address": "agent.example",
      "server.port": 443,
      "url.full": URL_,
    });
    expect(attributesOf("GET", "agent://agent.example/rpc")).toStrictEqual({
      "http.request.method": "GET",
      "server.address": "agent.example",
      "url.full": "agent://agent.example/rpc",
    });
    expect(attributesOf("GET", "/rpc")).toStrictEqual({ "http.request.method": "GET", "url.full": "/rpc" });
  });

  it("contain the original method, the resend count and the recorded headers that are present", () => {
    expect(attributesOf("PURGE", "/rpc", { headersToSpanAttributes: RECORDED }, 2)).toStrictEqual({
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
    throw new Error("thrown by a hook");
  };

  it.each<[string, ClientOptions, A2ARecognition | undefined, string, Attributes]>([
    ["GET", {}, undefined, "GET", {}],
    ["_OTHER", {}, undefined, "HTTP", {}],
    ["_OTHER", { urlTemplate: () => "/{any}" }, undefined, "HTTP /{any}", { "url.template": "/{any}" }],
    ["GET", {}, GET_TASK, "GET /tasks/{id}", { "url.template": "/tasks/{id}" }],
    ["GET", { a2a: "headers" }, GET_TASK, "GET /tasks/{id}", { "a2a.method.name": "GetTask", "url.template": "/tasks/{id}" }],
    ["GET", {}, CARD, "GET /.well-known/agent-card.json", { "url.template": "/.well-known/agent-card.json" }],
    ["POST", {}, SEND, "POST", {}],
    ["POST", { a2a: "body" }, SEND, "POST", { "a2a.method.name": "SendMessage" }],
    ["GET", { urlTemplate: () => "/{any}" }, GET_TASK, "GET /{any}", { "url.template": "/{any}" }],
    ["GET", { urlTemplate: () => undefined }, CARD, "GET /.well-known/agent-card.json", { "url.template": CARD.template! }],
    ["GET", { urlTemplate: () => 7 as never }, undefined, "GET", {}],
    ["GET", { urlTemplate: fail, startSpanHook: fail }, undefined, "GET", {}],
    ["GET", { startSpanHook: (request) => ({ "by.hook": String(request) }) }, undefined, "GET", { "by.hook": "request" }],
  ])("name a %s span with the options %o and the A2A recognition %o %s and add %j", (method, options, a2a, name, more) => {
    const attributes: Attributes = { "http.request.method": method };
    expect(nameSpan(clientConfig("f", options), attributes, { request: "request", parent: ROOT_CONTEXT, a2a })).toBe(name);
    expect(attributes).toStrictEqual({ "http.request.method": method, ...more });
  });

  it("contain only what is known in metrics", () => {
    const { target } = clientConfig("f");
    expect(clientMetricAttributes(target("GET", "/rpc"), undefined, undefined, undefined)).toStrictEqual({
      "http.request.method": "GET",
    });
    expect(clientMetricAttributes(target("PURGE", URL_), 503, "503", "1.1")).toStrictEqual({
      "http.request.method": "_OTHER",
      "server.address": "agent.example",
      "server.port": 443,
      "http.response.status_code": 503,
      "error.type": "503",
      "network.protocol.version": "1.1",
    });
  });
});
