import { EventEmitter } from "node:events";
import { ROOT_CONTEXT, context, propagation, trace } from "@opentelemetry/api";
import { afterAll, beforeAll, expect, it } from "vitest";
import { wrapFetch } from "../src/fetch.ts";
import { extractTraceContext, injectTraceContext } from "../src/index.ts";
import { traceRequests } from "../src/server/node.ts";
import { startTelemetry } from "./support/telemetry.ts";
import type { TestTelemetry } from "./support/telemetry.ts";

// For more runs: `FUZZ=1000000 vitest run test/fuzz.test.ts`.
const RUNS = Number(process.env["FUZZ"] ?? 20_000);
const SEED = Number(process.env["SEED"] ?? 20_261_122);

let telemetry: TestTelemetry;
beforeAll(() => {
  telemetry = startTelemetry();
});
afterAll(() => telemetry.stop());

/** The Mulberry32 generator, which returns the same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const VALID = {
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  tracestate: "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
  baggage: "user=1;property=a, tenant = b%20c ,__proto__=polluted,constructor=x",
};
const PIECES = [
  "",
  ",",
  ";",
  "=",
  "-",
  " ",
  "\t",
  "%",
  "%ff",
  "%00",
  "__proto__",
  "\u0000",
  "\r\n",
  "é",
  "漢",
  "0".repeat(300),
  "a=b,".repeat(500),
  "ff",
];

/** A valid header with a few random changes, or random pieces. */
function hostile(name: keyof typeof VALID, next: (below: number) => number): string {
  let text = next(4) === 0 ? "" : VALID[name];
  for (let changes = next(4); changes > 0; changes--) {
    const at = next(text.length + 1);
    text = text.slice(0, at) + PIECES[next(PIECES.length)] + text.slice(at + next(3));
  }
  return text;
}

function hostileHeaders(next: (below: number) => number): Record<string, unknown> {
  const headers: Record<string, unknown> = { host: PIECES[next(PIECES.length)] };
  for (const name of ["traceparent", "tracestate", "baggage"] as const) {
    if (next(5) > 0)
      headers[next(6) === 0 ? name.toUpperCase() : name] =
        next(8) === 0 ? [hostile(name, next), hostile(name, next)] : hostile(name, next);
  }
  return headers;
}

const TRACEPARENT = /^[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-0[0-3]$/;

/** Describes what is invalid in outgoing headers. */
function flaws(sent: unknown): string[] {
  const { traceparent, baggage = "" } = sent as { traceparent?: string; baggage?: string };
  const found: string[] = [];
  if (traceparent !== undefined && !TRACEPARENT.test(traceparent)) found.push(`traceparent ${traceparent}`);
  if (baggage.length > 8192) found.push(`baggage of ${baggage.length} characters`);
  return found;
}

it(`does not throw and forwards nothing invalid for ${RUNS} hostile received headers (seed ${SEED})`, () => {
  const next = random(SEED);
  let handled = 0;
  const found: string[] = [];
  const listener = traceRequests((_, response) => {
    handled++;
    found.push(...flaws(injectTraceContext()));
    (response as unknown as EventEmitter).emit("close");
  });
  let slowest = 0;
  for (let i = 0; i < RUNS; i++) {
    const headers = hostileHeaders(next);
    const request = Object.assign(new EventEmitter(), {
      method: "GET",
      url: PIECES[next(PIECES.length)],
      headers,
      httpVersion: "1.1",
      socket: {},
    });
    const response = Object.assign(new EventEmitter(), {
      headersSent: true,
      statusCode: 200,
      writableFinished: true,
      getHeaders: () => ({}),
    });
    const start = process.cpuUsage();
    listener(request as never, response as never);
    const extracted = extractTraceContext(headers, ROOT_CONTEXT);
    slowest = Math.max(slowest, process.cpuUsage(start).user / 1000);
    found.push(...flaws(injectTraceContext({}, extracted)));
    if (i % 1000 === 0) telemetry.reset();
  }
  expect(handled).toBe(RUNS);
  expect(found).toEqual([]);
  expect(slowest).toBeLessThan(200);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

it(`sends every request with ${RUNS} hostile headers and baggage of the caller (seed ${SEED})`, async () => {
  const next = random(SEED + 1);
  let arrived = 0;
  const found: string[] = [];
  const send = wrapFetch(async (_: unknown, init?: RequestInit) => {
    arrived++;
    found.push(...flaws(init?.headers));
    return new Response(null);
  });
  for (let i = 0; i < RUNS; i++) {
    const { host: _, ...headers } = hostileHeaders(next);
    const members = { [PIECES[next(PIECES.length)] ?? ""]: { value: String(PIECES[next(PIECES.length)]) }, user: { value: "1" } };
    const active = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage(members));
    const within = next(2) === 0 ? active : trace.setSpan(active, trace.getTracer("application").startSpan("agent"));
    await context.with(within, () => send("http://127.0.0.1/", { headers: headers as never }));
    if (i % 1000 === 0) telemetry.reset();
  }
  expect(arrived).toBe(RUNS);
  expect(found).toEqual([]);
});
