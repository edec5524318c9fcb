import type { Attributes } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { serverConfig } from "../../../src/core/calls/server-config.ts";
import { serverMetricAttributes, serverStartAttributes } from "../../../src/core/http/server-attributes.ts";
import type { ReceivedRequest } from "../../../src/core/http/server-attributes.ts";
import type { ServerOptions } from "../../../src/core/telemetry/options.ts";

const HEADERS = { "X-Tenant": "acme", Authorization: "Bearer secret" };
const RECORDED = { requestHeaders: ["x-tenant", "AUTHORIZATION", "x-none"] };
const OF_HEADERS = { "http.request.header.x-tenant": ["acme"], "http.request.header.authorization": ["REDACTED"] };

describe("the attributes of a received request", () => {
  const attributesOf = (more: Partial<ReceivedRequest>, options: ServerOptions = {}): Attributes =>
    serverStartAttributes(serverConfig("f", options), {
      method: "GET",
      target: "/rpc",
      scheme: "https",
      host: undefined,
      headers: HEADERS,
      userAgent: undefined,
      readHeaders: () => undefined,
      ...more,
    });
  const MINIMUM = { "http.request.method": "GET", "url.path": "/rpc", "url.scheme": "https" };

  it("omit what is not known", () => {
    expect(attributesOf({})).toStrictEqual(MINIMUM);
    expect(attributesOf({ host: "not a host" })).toStrictEqual(MINIMUM);
    expect(attributesOf({ scheme: "agent", host: "agent.example" })).toStrictEqual({
      ...MINIMUM,
      "url.scheme": "agent",
      "server.address": "agent.example",
    });
  });

  it("contain the recorded headers that are present, without credentials", () => {
    expect(attributesOf({}, { headersToSpanAttributes: RECORDED })).toStrictEqual({ ...MINIMUM, ...OF_HEADERS });
  });

  it.each([
    ["http://agent.example/", "/"],
    ["http://agent.example/a/", "/a/"],
    ["http://agent.example/a?b/", "/a"],
    ["/a/", "/a/"],
    ["/http://agent.example/", "/http://agent.example/"],
  ])("for the target %s contain the path %s", (target, path) => {
    expect(attributesOf({ target })).toMatchObject({ "url.path": path });
  });

  it("contain only what is known in metrics", () => {
    const attributes = { ...MINIMUM, "server.address": "agent.example" };
    const measured = { "http.request.method": "GET", "url.scheme": "https" };
    expect(serverMetricAttributes(attributes, undefined, undefined)).toStrictEqual(measured);
    expect(
      serverMetricAttributes({ ...attributes, "error.type": "500", "network.protocol.version": "2" }, "/{any}", 500),
    ).toStrictEqual({
      ...measured,
      "error.type": "500",
      "network.protocol.version": "2",
      "http.route": "/{any}",
      "http.response.status_code": 500,
    });
  });
});
