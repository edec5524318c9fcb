import { trace } from "@opentelemetry/api";
import type { Attributes } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { McpOptions } from "../../src/mcp.ts";
import { inSpan, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { VERSIONS, connectInMemory, treeOf } from "./peers.ts";
import type { Version } from "./peers.ts";

let telemetry: TestTelemetry;
beforeEach(() => {
  telemetry = startTelemetry();
});
afterEach(() => telemetry.stop());

interface ToolSpan {
  readonly name?: string;
  readonly attributes?: Attributes;
  readonly tool?: string;
}

/** Calls a tool within a span as a GenAI instrumentation starts it. */
async function callWithin(
  version: Version,
  { name = "execute_tool run", attributes = {}, tool = "run" }: ToolSpan,
  options?: McpOptions,
) {
  const { client } = await connectInMemory(version, options && { client: options });
  telemetry.reset();
  await inSpan(name, () => {
    trace.getActiveSpan()?.setAttributes(attributes);
    return client.callTool({ name: tool });
  });
  await client.close();
}

const outer = (): ReadableSpan | undefined =>
  telemetry.spans().find(({ instrumentationScope }) => instrumentationScope.name !== "a2a-otel");

describe.each(VERSIONS)("an active execute_tool span, with %s", (version) => {
  it.each<ToolSpan>([
    {},
    { name: "tool", attributes: { "gen_ai.operation.name": "execute_tool" } },
    { attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "run" } },
  ])("has the MCP attributes of the call, which has no span of its own: %j", async (span) => {
    await callWithin(version, span);
    const name = span.name ?? "execute_tool run";
    expect(treeOf(telemetry.spans())).toEqual([`SERVER tools/call run < INTERNAL ${name}`, `INTERNAL ${name} < root`]);
    expect(outer()?.attributes).toMatchObject({ "mcp.method.name": "tools/call", "mcp.protocol.version": "2025-11-25" });
  });

  it("has the error of the call, and is ended by its owner alone", async () => {
    await callWithin(version, { name: "execute_tool fail", tool: "fail" });
    expect(outer()?.attributes["error.type"]).toBe("tool_error");
    expect(telemetry.spans().filter((span) => span === outer())).toHaveLength(1);
  });

  it("is the parent of a CLIENT span with executeToolSpan: nest", async () => {
    await callWithin(version, {}, { executeToolSpan: "nest" });
    expect(treeOf(telemetry.spans())).toEqual([
      "SERVER tools/call run < CLIENT tools/call run",
      "CLIENT tools/call run < INTERNAL execute_tool run",
      "INTERNAL execute_tool run < root",
    ]);
    expect(outer()?.attributes).toEqual({});
  });

  it.each<ToolSpan>([{ attributes: { "gen_ai.tool.name": "other" } }, { name: "execute_toolbox" }, { name: "chat" }])(
    "is not changed if it is that of another operation: %j",
    async (span) => {
      await callWithin(version, span);
      expect(treeOf(telemetry.spans())).toContain(`CLIENT tools/call run < INTERNAL ${span.name ?? "execute_tool run"}`);
      expect(outer()?.attributes).toEqual(span.attributes ?? {});
    },
  );
});
