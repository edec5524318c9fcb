import type { McpOptions } from "./core/telemetry/options.ts";
import { mcpConfig } from "./mcp/config.ts";
import { wrapMcp } from "./mcp/wrap.ts";

export type { McpOptions } from "./core/telemetry/options.ts";

/** What the classes `Client`, `Server` and `McpServer` have in common, in @modelcontextprotocol/sdk 1.x and in the packages of 2.x. */
export interface McpEndpoint {
  connect(transport: never): Promise<void>;
  close(): Promise<void>;
}

/**
 * Wraps a client of the MCP SDK: each request and notification that it sends gets a CLIENT span and carries the trace in `params._meta`; each that it
 * receives (sampling, elicitation, roots) gets a SERVER span, in whose context its handler runs.
 *
 * Use what this function returns in place of the client. A client that is wrapped already is returned as it is.
 *
 * @throws TypeError for an invalid option, if `client` is not a client, or if it is wrapped already with other options.
 *
 * @example
 * const client = wrapMcpClient(new Client({ name: "agent", version: "1.0.0" }));
 * await client.connect(new StreamableHTTPClientTransport(new URL("https://tools.example/mcp")));
 */
export function wrapMcpClient<C extends McpEndpoint>(client: C, options: McpOptions = {}): C {
  const config = mcpConfig("wrapMcpClient", "client", options);
  if (!hasMethods(client, "connect", "request")) throw new TypeError("wrapMcpClient: client must be a Client of the MCP SDK");
  return wrapMcp("wrapMcpClient", config, client);
}

/**
 * Wraps a server of the MCP SDK, an `McpServer` or a `Server`: each request and notification that it receives gets a SERVER span that continues the
 * trace in `params._meta`, and its handler runs in the span's context; each that it sends gets a CLIENT span.
 *
 * Use what this function returns in place of the server. A server that is wrapped already is returned as it is.
 *
 * @throws TypeError for an invalid option, if `server` is not a server, or if it is wrapped already with other options.
 *
 * @example
 * const server = wrapMcpServer(new McpServer({ name: "tools", version: "1.0.0" }));
 * await server.connect(new StdioServerTransport());
 */
export function wrapMcpServer<S extends McpEndpoint>(server: S, options: McpOptions = {}): S {
  const config = mcpConfig("wrapMcpServer", "server", options);
  const { server: inner } = (server ?? {}) as { server?: unknown };
  if (!hasMethods(inner ?? server, "connect", "request") || !hasMethods(server, "connect")) {
    throw new TypeError("wrapMcpServer: server must be an McpServer or a Server of the MCP SDK");
  }
  return wrapMcp("wrapMcpServer", config, server);
}

function hasMethods(value: unknown, ...names: readonly string[]): boolean {
  return typeof value === "object" && value !== null && names.every((name) => typeof Reflect.get(value, name) === "function");
}
