import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StdioServerTransport as Transport2 } from "@modelcontextprotocol/server/stdio";
import { trace } from "@opentelemetry/api";
import { wrapMcpServer } from "../../src/mcp.ts";
import { setupPropagation } from "../../src/setup.ts";
import { newServer, newServer2 } from "./peers.ts";

/** A tool server in a process of its own, of the version in its argument, without an SDK: it forwards the trace that it receives. */
setupPropagation();
const printTrace = (): unknown => process.stderr.write(`${trace.getActiveSpan()?.spanContext().traceId}\n`);
const isV2 = process.argv[2] === "v2";
const server = wrapMcpServer(isV2 ? newServer2(printTrace) : newServer(printTrace));
await server.connect(isV2 ? new Transport2() : new StdioServerTransport());
