import type { Span } from "../../src/view/span.ts";
import { at, spanOf } from "./spans.ts";

/** What a span may hold to have a page run it. */
export const HOSTILE = '</script><script>window.hit=1</script><img src=x onerror="window.hit=2">\u2028${window.hit=3}';

const STACK = [
  "Error: connect ECONNREFUSED 127.0.0.1:9000",
  ...Array.from({ length: 12 }, (_, line) => `    at step${line} (agent.ts:${line}:7)`),
];

const chat = (model: string, input: number, output: number, more: Span["attributes"] = {}): Span["attributes"] => ({
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "a-provider",
  "gen_ai.request.model": model,
  "gen_ai.usage.input_tokens": input,
  "gen_ai.usage.output_tokens": output,
  ...more,
});

/** A trace with something of everything: failures, clocks that differ, calls that leave, spans without parents, models with and without a price. */
export function sampleTrace(): Span[] {
  const messages = JSON.stringify([
    { role: "user", parts: [{ type: "text", content: "Compare the offers of the three suppliers. ".repeat(6) }] },
  ]);
  return [
    spanOf({ spanId: "a000000000000001", name: "plan a journey", end: 900, service: "concierge" }),
    spanOf({
      spanId: "a000000000000002",
      parentSpanId: "a000000000000001",
      name: "invoke_agent planner",
      start: 4,
      end: 420,
      service: "concierge",
      attributes: chat("large-1", 9_000, 700),
    }),
    spanOf({
      spanId: "a000000000000003",
      parentSpanId: "a000000000000002",
      name: "chat large-1",
      kind: "CLIENT",
      start: 10,
      end: 180,
      service: "concierge",
      attributes: chat("large-1", 5_200, 410, {
        "gen_ai.usage.cache_read.input_tokens": 4_096,
        "gen_ai.input.messages": messages,
        "server.address": "api.models.example",
        "server.port": 443,
      }),
    }),
    spanOf({
      spanId: "a000000000000004",
      parentSpanId: "a000000000000002",
      name: "POST",
      kind: "CLIENT",
      start: 190,
      end: 410,
      service: "concierge",
      attributes: { "server.address": "127.0.0.1", "server.port": 9001 },
    }),
    // Its clock is two seconds ahead.
    spanOf({
      spanId: "a000000000000005",
      parentSpanId: "a000000000000004",
      remoteParent: true,
      name: "SendMessage",
      kind: "SERVER",
      start: 2_205,
      end: 2_400,
      service: "flights",
    }),
    spanOf({
      spanId: "a000000000000006",
      parentSpanId: "a000000000000005",
      name: "chat small-2",
      start: 2_210,
      end: 2_320,
      service: "flights",
      attributes: chat("small-2", 800, 60),
    }),
    spanOf({
      spanId: "a000000000000007",
      parentSpanId: "a000000000000005",
      name: "GET",
      kind: "CLIENT",
      start: 2_325,
      end: 2_390,
      service: "flights",
      attributes: { "server.address": "fares.example", "server.port": 8443 },
    }),
    spanOf({
      spanId: "a000000000000008",
      parentSpanId: "a000000000000001",
      name: "POST",
      kind: "CLIENT",
      start: 430,
      end: 700,
      service: "concierge",
      status: "error",
      attributes: { "error.type": "503", "http.response.status_code": 503 },
    }),
    spanOf({
      spanId: "a000000000000009",
      parentSpanId: "a000000000000008",
      remoteParent: true,
      name: "SendMessage",
      kind: "SERVER",
      start: 440,
      end: 690,
      service: "hotels",
      status: "error",
      statusMessage: "the booking system is down",
      attributes: { "error.type": "ECONNREFUSED", "a2a.task.id": "task-42", big: 9_007_199_254_740_993n },
      events: [
        { time: at(500), name: "retry", attributes: { attempt: 1 } },
        {
          time: at(680),
          name: "exception",
          attributes: {
            "exception.type": "Error",
            "exception.message": "connect ECONNREFUSED",
            "exception.stacktrace": STACK.join("\n"),
          },
        },
      ],
      links: [{ traceId: "1".repeat(32), spanId: "2".repeat(16), attributes: { reason: "retry of" } }],
      dropped: 3,
    }),
    spanOf({
      spanId: "a00000000000000a",
      parentSpanId: "a000000000000009",
      name: "POST",
      kind: "CLIENT",
      start: 450,
      end: 600,
      service: "hotels",
    }),
    spanOf({
      spanId: "a00000000000000b",
      parentSpanId: "a00000000000000a",
      remoteParent: true,
      name: "POST /self",
      kind: "SERVER",
      start: 455,
      end: 590,
      service: "hotels",
    }),
    spanOf({
      spanId: "a00000000000000c",
      parentSpanId: "a000000000000001",
      name: "publish",
      kind: "PRODUCER",
      start: 710,
      end: 720,
      service: "concierge",
    }),
    spanOf({
      spanId: "a00000000000000d",
      parentSpanId: "a00000000000000c",
      name: "work",
      kind: "CONSUMER",
      start: 730,
      end: null,
      service: "mailer",
    }),
    spanOf({
      spanId: "a00000000000000e",
      parentSpanId: "ffffffffffffffff",
      remoteParent: true,
      name: "GET /lost",
      kind: "SERVER",
      start: 300,
      end: 350,
      service: "stray",
    }),
    spanOf({
      spanId: "a00000000000000f",
      parentSpanId: "a000000000000001",
      name: HOSTILE,
      start: 740,
      end: 800,
      service: `evil ${HOSTILE}`,
      status: "error",
      statusMessage: HOSTILE,
      attributes: { [HOSTILE]: HOSTILE, __proto__x: "x", list: [HOSTILE, 1, { a: HOSTILE }] },
      events: [{ time: at(750), name: HOSTILE, attributes: { "exception.stacktrace": HOSTILE } }],
    }),
  ];
}

/** A trace of many spans: calls in a row, each with a few spans beneath. */
export function largeTrace(count: number): Span[] {
  const spans = [spanOf({ spanId: id(0), name: "root", end: count })];
  for (let index = 1; index < count; index++) {
    const place = (index - 1) % 5;
    const parent = place === 0 ? 0 : index - 1;
    const from = index - place;
    spans.push(
      spanOf({
        spanId: id(index),
        parentSpanId: id(parent),
        name: `step ${index}`,
        kind: place === 0 ? "CLIENT" : place === 1 ? "SERVER" : "INTERNAL",
        service: place === 0 ? "orchestrator" : `agent-${index % 4}-${Math.floor(place / 3)}`,
        start: from + place * 0.1,
        end: from + 5 - place * 0.1,
        attributes: { index, "http.request.method": "POST" },
      }),
    );
  }
  return spans;
}

function id(index: number): string {
  return (index + 1).toString(16).padStart(16, "0");
}
