import assert from "node:assert/strict";
import { SpanKind } from "@opentelemetry/api";
import type { Check } from "../apps/checks.ts";
import { startServer } from "../apps/process.ts";
import { newCaller } from "../apps/traces.ts";

interface BindingSpan {
  readonly kind: SpanKind;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
}

/** Calls Cloudflare's bindings from a Worker: a service, a Durable Object, and a remote procedure call. */
export async function verifyBindings(cwd: string, check: Check): Promise<void> {
  const front = await startServer(process.execPath, ["workerd-bindings.mjs"], { cwd });
  try {
    for (const call of ["service", "durableObject"] as const) {
      await check(`bindings: ${call} is called in a CLIENT span, and continues the trace in a SERVER span`, async () => {
        const { traceId, callee, client, server } = await exchange(front.url, call);
        assert.deepEqual([callee.kind, callee.traceId, callee.parentSpanId], [SpanKind.SERVER, traceId, client?.spanId]);
        assert.equal(client?.parentSpanId, server?.spanId);
      });
    }
    await check("bindings: a remote procedure call takes the trace context as an argument", async () => {
      const { traceId, callee, server } = await exchange(front.url, "rpc");
      assert.deepEqual([callee.name, callee.traceId, callee.parentSpanId], ["plan a task", traceId, server?.spanId]);
    });
  } finally {
    await front.stop();
  }
}

async function exchange(
  url: string,
  call: string,
): Promise<{
  traceId: string;
  callee: BindingSpan;
  client: BindingSpan | undefined;
  server: BindingSpan | undefined;
}> {
  const { traceId, traceparent } = newCaller();
  const response = await fetch(`${url}/${call}`, { headers: { traceparent } });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const { callee, spans } = JSON.parse(text) as { callee: BindingSpan; spans: BindingSpan[] };
  const [client, server] = [SpanKind.CLIENT, SpanKind.SERVER].map((kind) => spans.find((span) => span.kind === kind));
  return { traceId, callee, client, server };
}
