import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { serve } from "./support/server.ts";

// The columns of docs/alternatives.md whose packages are installed here, in processes of their own.

const run = promisify(execFile);

const server = await serve({
  "/ok": ({ rawHeaders }, response) =>
    void response.end(JSON.stringify(rawHeaders.filter((_, index) => rawHeaders[index - 1]?.toLowerCase() === "traceparent"))),
  "/slow": (_, response) => {
    response.write("[");
    setTimeout(() => response.end("]"), 200);
  },
  "/redirect": (_, response) => void response.writeHead(302, { location: "/ok" }).end(),
});
afterAll(() => server.close());

const SDK = `
  import { context, propagation, trace } from "@opentelemetry/api";
  import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
  import { W3CTraceContextPropagator } from "@opentelemetry/core";
  import { TracerProvider } from "@opentelemetry/sdk-trace";
  export const spans = [];
  const onEnd = (span) => spans.push(span.duration[0] * 1000 + span.duration[1] / 1e6);
  const processor = { onStart() {}, onEnd, forceFlush: async () => {}, shutdown: async () => {} };
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [processor] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  globalThis.spans = spans;
`;

const THEIRS = `${SDK}
  import { registerInstrumentations } from "@opentelemetry/instrumentation";
  import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
  import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
  registerInstrumentations({ instrumentations: [new HttpInstrumentation(), new UndiciInstrumentation()] });
`;

const OURS = `${SDK}
  import { instrumentAxios } from "a2a-otel/axios";
  import { instrumentFetch } from "a2a-otel/fetch";
  import { wrapGot } from "a2a-otel/got";
  import { traceInterceptor } from "a2a-otel/undici";
  globalThis.trace = (axios, got, agent) => {
    instrumentFetch();
    instrumentAxios(axios);
    return { got: wrapGot(got), agent: agent.compose(traceInterceptor()) };
  };
`;

const CALLS = `
  import axios from "axios";
  import plainGot from "got";
  import { Agent, interceptors, request } from "undici";
  if (process.env.LATE !== undefined) await import(process.env.LATE);
  const plain = new Agent().compose();
  const { got, agent } = globalThis.trace?.(axios, plainGot, plain) ?? { got: plainGot, agent: plain };
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: 3 }));
  const clients = {
    fetch: async (path, headers) => (await fetch(process.env.URL + path, { headers })).json(),
    undici: async (path, headers) => (await request(process.env.URL + path, { headers, dispatcher })).body.json(),
    axios: async (path, headers) => (await axios.get(process.env.URL + path, { headers })).data,
    got: (path, headers) => got(process.env.URL + path, { headers }).json(),
  };
  const byHand = { traceparent: "00-" + "1".repeat(32) + "-" + "2".repeat(16) + "-01" };
  const settled = () => new Promise((resolve) => setTimeout(resolve, 50));
  const seen = {};
  for (const [name, call] of Object.entries(clients)) {
    const values = await call("/ok", {});
    const hand = await call("/ok", byHand);
    await settled();
    globalThis.spans.length = 0;
    await call("/slow", {});
    await settled();
    const body = globalThis.spans.some((milliseconds) => milliseconds > 150);
    globalThis.spans.length = 0;
    await call("/redirect", {});
    await settled();
    seen[name] = { values: values.length, hand: hand.length, body, hops: globalThis.spans.length };
  }
  console.log(JSON.stringify(seen));
  process.exit();
`;

const module = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;

/** Bare names are resolved from here, also those of a module that is text. */
const resolved = (code: string): string =>
  code.replaceAll(/from "([^"]+)"/g, (_, name: string) => `from ${JSON.stringify(import.meta.resolve(name))}`);

async function look(tracing: string, when: "early" | "late"): Promise<unknown> {
  const { LATE: _, ...env } = process.env;
  const tracer = module(resolved(tracing));
  const early = when === "early" ? ["--import", tracer] : [];
  const { stdout } = await run(process.execPath, [...early, "--input-type=module", "-e", resolved(CALLS)], {
    env: { ...env, URL: server.url, ...(when === "late" && { LATE: tracer }) },
    timeout: 20_000,
  });
  return JSON.parse(stdout);
}

const whole = { values: 1, hand: 1, body: true, hops: 2 };

test("instrumentation-undici and -http, loaded first", async () => {
  const doubled = { ...whole, hand: 2 };
  expect(await look(THEIRS, "early")).toEqual({ fetch: doubled, undici: doubled, axios: whole, got: whole });
});

test("instrumentation-undici and -http, loaded after the clients: node:http is not seen", async () => {
  const doubled = { ...whole, hand: 2 };
  const unseen = { values: 0, hand: 1, body: false, hops: 0 };
  expect(await look(THEIRS, "late")).toEqual({ fetch: doubled, undici: doubled, axios: unseen, got: unseen });
});

test.each(["early", "late"] as const)("a2a-otel, loaded %s", async (when) => {
  expect(await look(OURS, when)).toEqual({ fetch: whole, undici: whole, axios: { ...whole, hops: 1 }, got: whole });
});
