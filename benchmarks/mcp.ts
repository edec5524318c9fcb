// node benchmarks/mcp.ts: what wrapMcpClient() costs a request, over a transport in memory that answers at once. The wrapped and the plain client take turns
// in one process. Calls through a wrapper that records nothing must cost less than 2 µs.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { ROOT_CONTEXT, TraceFlags, context, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { AlwaysOffSampler, AlwaysOnSampler, TracerProvider } from "@opentelemetry/sdk-trace";
import { wrapMcpClient } from "../src/mcp.ts";
import { quietestTenth } from "./measure/statistics.ts";

const ROUNDS = 400;
const WARM_UP_ROUNDS = 50;
const CALLS = 200;
const LIMIT_NS = 2000;

const SERVER = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "tools", version: "1.0.0" } };

/** Answers each request in the next microtask. */
class AnsweringTransport implements Transport {
  onmessage?: (message: JSONRPCMessage) => void;
  onclose?: () => void;
  async start(): Promise<void> {}
  async send(message: JSONRPCMessage): Promise<void> {
    if (!("id" in message && "method" in message)) return;
    const { id, method } = message;
    queueMicrotask(() => this.onmessage?.({ jsonrpc: "2.0", id, result: method === "initialize" ? SERVER : {} }));
  }
  async close(): Promise<void> {
    this.onclose?.();
  }
}

const newClient = (): Client => new Client({ name: "agent", version: "1.0.0" });

async function nanosecondsPerCall(client: Client): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < CALLS; i++) await client.ping();
  return ((performance.now() - start) * 1e6) / CALLS;
}

async function measure(name: string, wrapped: Client, active: Context, limit?: number): Promise<boolean> {
  const plain = newClient();
  await plain.connect(new AnsweringTransport());
  await wrapped.connect(new AnsweringTransport());
  const times: { plain: number[]; wrapped: number[] } = { plain: [], wrapped: [] };
  await context.with(active, async () => {
    for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
      times.plain.push(await nanosecondsPerCall(plain));
      times.wrapped.push(await nanosecondsPerCall(wrapped));
    }
  });
  for (const each of Object.values(times)) each.splice(0, WARM_UP_ROUNDS);
  // Other processes can only make a round slower.
  const cost = quietestTenth(times.wrapped) - quietestTenth(times.plain);
  const isWithin = limit === undefined || cost < limit;
  console.log(`${name.padEnd(34)} ${(cost / 1000).toFixed(2).padStart(6)} µs${isWithin ? "" : `, more than ${limit} ns`}`);
  return isWithin;
}

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const parent = trace.setSpanContext(ROOT_CONTEXT, {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: TraceFlags.NONE,
});
const provider = (sampler: AlwaysOnSampler | AlwaysOffSampler): TracerProvider => new TracerProvider({ sampler });
const results = [
  await measure("no SDK, outside of a trace", wrapMcpClient(newClient()), ROOT_CONTEXT, LIMIT_NS),
  await measure("no SDK, the trace is forwarded", wrapMcpClient(newClient()), parent, LIMIT_NS),
  await measure("not sampled", wrapMcpClient(newClient(), { tracerProvider: provider(new AlwaysOffSampler()) }), parent, LIMIT_NS),
  await measure("sampled, not exported", wrapMcpClient(newClient(), { tracerProvider: provider(new AlwaysOnSampler()) }), parent),
];
if (results.includes(false)) process.exitCode = 1;
