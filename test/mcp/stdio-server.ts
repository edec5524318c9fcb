import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { trace } from "@opentelemetry/api";
import { wrapMcpServer } from "../../src/mcp.ts";
import { setupPropagation } from "../../src/setup.ts";
import { newServer } from "./peers.ts";

/** A tool server in a process of its own, without an SDK: it forwards the trace that it receives. */
setupPropagation();
const server = wrapMcpServer(newServer(() => process.stderr.write(`${trace.getActiveSpan()?.spanContext().traceId}\n`)));
await server.connect(new StdioServerTransport());
