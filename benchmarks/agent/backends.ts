import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Destination } from "../stub-transports/exchange.ts";

/** What an agent calls. */
export type Backend = Destination;

export interface Backends {
  readonly model: Backend;
  readonly otherAgent: Backend;
  /** Whether the last request of the agent carried trace context: a contender that traces nothing would be fast. */
  readonly lastRequestIsTraced: () => boolean;
  readonly close: () => void;
}

const TEXT = "The report names three vendors that deliver within a week. ".repeat(15);
const MODEL_ANSWER = JSON.stringify({
  id: "msg_1",
  role: "assistant",
  content: [{ type: "text", text: TEXT }],
  usage: { output_tokens: 200 },
});
const AGENT_ANSWER = JSON.stringify({ jsonrpc: "2.0", id: 1, result: { message: { role: "agent", parts: [{ text: TEXT }] } } });

/** Starts a model and another agent that answer at once. */
export async function startBackends(): Promise<Backends> {
  let isTraced = false;
  const start = async (path: string, answer: string): Promise<[Server, Backend]> => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(answer) };
    const server = createServer((request, response) => {
      isTraced = request.headers["traceparent"] !== undefined;
      request.resume();
      response.writeHead(200, headers).end(answer);
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const { address, port } = server.address() as AddressInfo;
    const origin = `http://${address}:${port}`;
    return [server, { origin, address, port, path, url: origin + path }];
  };
  const [modelServer, model] = await start("/v1/messages", MODEL_ANSWER);
  const [agentServer, otherAgent] = await start("/rpc", AGENT_ANSWER);
  return {
    model,
    otherAgent,
    lastRequestIsTraced: () => isTraced,
    close: () => {
      for (const server of [modelServer, agentServer]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}
