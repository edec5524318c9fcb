import { wrapMcpClient, wrapMcpServer } from "a2a-otel/mcp";
import type { McpEndpoint, McpOptions } from "a2a-otel/mcp";

const options: McpOptions = { propagateTo: ["https://tools.example"] };
export const wrapClient = <Client extends McpEndpoint>(client: Client): Client => wrapMcpClient(client, options);
export const wrapServer = <Server extends McpEndpoint>(server: Server): Server => wrapMcpServer(server);
