import { StdioClientTransport as Transport2 } from "@modelcontextprotocol/client/stdio";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { inSpan, startTelemetry } from "../support/telemetry.ts";
import { VERSIONS, newClient, treeOf } from "./peers.ts";

it.each(VERSIONS)("carries the trace into a child process and back, with %s", async (version) => {
  const telemetry = startTelemetry();
  const transport = new (version === "v1" ? StdioClientTransport : Transport2)({
    command: process.execPath,
    args: [fileURLToPath(new URL("stdio-server.ts", import.meta.url)), version],
    stderr: "pipe",
  });
  const printed = new Promise<string>((resolve) =>
    transport.stderr?.once("data", (chunk: Buffer) => resolve(String(chunk).trim())),
  );
  const client = newClient(version);
  await client.connect(transport);
  telemetry.reset();
  await inSpan("agent", () => client.callTool({ name: "run" }));
  await inSpan("agent", () => client.callTool({ name: "ask" }));
  await telemetry.settled();
  const [run] = telemetry.own();
  expect(await printed).toBe(run?.spanContext().traceId);
  expect(run?.attributes["network.transport"]).toBe("pipe");
  // The server has no SDK: the parent is the client's own span, which the server has forwarded.
  expect(treeOf(telemetry.spans()).slice(2)).toEqual([
    "SERVER sampling/createMessage < CLIENT tools/call ask",
    "CLIENT tools/call ask < INTERNAL agent",
    "INTERNAL agent < root",
  ]);
  await client.close();
  await telemetry.stop();
});
