import { describe, expect, it } from "vitest";
import { targetOf, isFailure } from "../../src/view/model/http.ts";
import { buildModel } from "../../src/view/model/model.ts";
import type { Attributes } from "../../src/view/span.ts";
import { spanOf } from "./spans.ts";

describe("targetOf()", () => {
  it.each<[string, Attributes, string | undefined]>([
    ["POST", { "url.full": "http://127.0.0.1:4000/a2a/v1?key=1" }, "/a2a/v1"],
    ["POST", { "url.path": "/tasks", "server.address": "agent" }, "/tasks"],
    ["GET", { "url.full": "https://agent.example/", "server.address": "agent.example" }, "agent.example"],
    ["GET", { "http.target": "/old?x=1" }, "/old"],
    ["POST", { "server.address": "127.0.0.1", "server.port": 4000 }, "127.0.0.1:4000"],
    ["HTTP POST", { "url.path": "/tasks" }, "/tasks"],
    ["POST", { "url.path": "/", "a2a.method.name": "SendMessage" }, "SendMessage"],
    ["POST /mcp", { "mcp.method.name": "tools/call", "gen_ai.tool.name": "search" }, "tools/call search"],
    ["tools/call", { "mcp.method.name": "tools/call", "gen_ai.tool.name": "search" }, "search"],
    ["tools/call search", { "mcp.method.name": "tools/call", "gen_ai.tool.name": "search" }, undefined],
    ["SendMessage", { "a2a.method.name": "SendMessage" }, undefined],
    ["GET /tasks", { "url.path": "/tasks" }, undefined],
    ["POST", {}, undefined],
  ])("of a span named %s with %o is %s", (name, attributes, target) => {
    expect(targetOf(spanOf({ spanId: "a", name, attributes }))).toBe(target);
  });
});

describe("isFailure()", () => {
  const probe = (method: string, code: number, url: string, kind: "CLIENT" | "SERVER" = "CLIENT"): boolean =>
    isFailure(
      spanOf({
        spanId: "a",
        kind,
        status: "error",
        attributes: { "http.request.method": method, "http.response.status_code": code, "url.full": url },
      }),
    );

  it("is false for a client that asks for an optional event stream", () => {
    expect(probe("GET", 405, "http://agent/mcp")).toBe(false);
  });

  it("is false for a client that asks for an optional document", () => {
    expect(probe("GET", 404, "http://agent/.well-known/oauth-protected-resource")).toBe(false);
  });

  it.each([
    ["GET", 404, "http://agent/tasks"],
    ["POST", 405, "http://agent/mcp"],
    ["GET", 500, "http://agent/.well-known/agent-card.json"],
  ] as const)("is true for %s with status %d of %s", (method, code, url) => {
    expect(probe(method, code, url)).toBe(true);
  });

  it("is true for a failed server", () => {
    expect(probe("GET", 405, "http://agent/mcp", "SERVER")).toBe(true);
  });

  it("determines the errors of a trace", () => {
    const attributes = { "http.request.method": "GET", "http.response.status_code": 405 };
    const spans = [
      spanOf({ spanId: "probe", kind: "CLIENT", status: "error", attributes }),
      spanOf({ spanId: "failure", status: "error" }),
    ];
    expect(buildModel({ traceId: "t", spans, refused: 0 }).errors).toBe(1);
  });
});
