import assert from "node:assert/strict";
import type { Check } from "../apps/checks.ts";
import { startServer } from "../apps/process.ts";
import type { Running } from "../apps/process.ts";
import { newCaller } from "../apps/traces.ts";
import type { Caller } from "../apps/traces.ts";
import type { Span } from "../../tools/src/view/span.ts";
import type { Collector } from "./collector.ts";

export interface DenoTracing {
  readonly program: string;
  readonly cwd: string;
  readonly agent: Running;
  readonly collector: Collector;
  readonly check: Check;
}

/** What a request to the service has led to. */
interface Exchange {
  readonly caller: Caller;
  readonly spans: readonly Span[];
  /** The values of each header that the agent has received. */
  readonly headers: Readonly<Record<string, string[] | undefined>>;
}

/** Runs a service with Deno's own tracing, which exports to the collector, and checks what docs/runtimes.md says of it. */
export async function verifyDenoTracing({ program, cwd, agent, collector, check }: DenoTracing): Promise<void> {
  const env = {
    DENO_NO_UPDATE_CHECK: "1",
    OTEL_DENO: "true",
    OTEL_DENO_METRICS: "false",
    OTEL_DENO_CONSOLE: "ignore",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_BSP_SCHEDULE_DELAY: "50",
  };
  const service = await startServer(program, ["run", "--cached-only", "--allow-net", "--allow-env", "deno-otel.mjs"], { cwd, env });

  /** Has the service call the agent, and waits for so many spans. */
  async function exchange(path: string, by: string, count: number): Promise<Exchange> {
    const caller = newCaller();
    const headers = { traceparent: caller.traceparent, baggage: "tenant=acme" };
    const response = await fetch(`${service.url}${path}?by=${by}&to=${encodeURIComponent(`${agent.url}/headers`)}`, { headers });
    const received = (await response.json()) as Exchange["headers"];
    const spans: Span[] = [];
    // Deno exports in batches; 10 seconds are far more than it takes.
    for (let waited = 0; spans.length < count && waited < 10_000; waited += 50) {
      await new Promise((resolve) => setTimeout(resolve, 50)); // oxlint-disable-line no-await-in-loop -- until they have come
      spans.push(...(await collector.spansOf())); // oxlint-disable-line no-await-in-loop
    }
    return { caller, spans, headers: received };
  }

  try {
    await check("OTEL_DENO: one SERVER span, which Deno has started and traceRequests enriches", async () => {
      const { caller, spans } = await exchange("/", "platform", 2);
      const servers = spans.filter(({ kind }) => kind === "SERVER");
      assert.deepEqual(servers.map(scopeOf), ["deno"]);
      assert.equal(servers[0]?.parentSpanId, caller.spanId);
    });
    await check("OTEL_DENO: one SERVER span, which traceMiddleware names by Hono's route", async () => {
      const { spans } = await exchange("/hono/writer", "platform", 2);
      assert.deepEqual(
        spans.filter(({ kind }) => kind === "SERVER").map(({ name }) => name),
        ["GET /hono/:name"],
      );
    });
    await check("OTEL_DENO: the platform's fetch has one CLIENT span and one traceparent, and sends baggage", async () => {
      const { caller, spans, headers } = await exchange("/", "platform", 2);
      const clients = spans.filter(({ kind }) => kind === "CLIENT");
      assert.deepEqual(clients.map(scopeOf), ["deno"]);
      assert.deepEqual(headers["traceparent"], [`00-${caller.traceId}-${clients[0]?.spanId}-01`]);
      assert.deepEqual(headers["baggage"], ["tenant=acme"]);
    });
    await check("OTEL_DENO: wrapFetch sends its own span's traceparent once, and Deno adds a span beneath", async () => {
      const { caller, spans, headers } = await exchange("/", "wrapped", 3);
      const own = spans.find((span) => scopeOf(span) === "a2a-otel");
      const denos = spans.filter(({ kind, scope }) => kind === "CLIENT" && scope.name === "deno");
      assert.deepEqual(headers["traceparent"], [`00-${caller.traceId}-${own?.spanId}-01`]);
      assert.deepEqual(
        denos.map(({ parentSpanId }) => parentSpanId),
        [own?.spanId],
      );
    });
    await check("OTEL_DENO: the policy of wrapFetch applies to what Deno would send", async () => {
      const { headers } = await exchange("/", "restricted", 3);
      assert.deepEqual([headers["traceparent"], headers["baggage"]], [undefined, undefined]);
    });
  } finally {
    await service.stop();
  }
}

const scopeOf = ({ scope }: Span): string => scope.name;
