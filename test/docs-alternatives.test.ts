import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { serve } from "./support/server.ts";

// Checks the columns of docs/alternatives.md whose packages are development dependencies. Each tracer runs in a separate process.

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

const OPENTELEMETRY = `${SDK}
  import { registerInstrumentations } from "@opentelemetry/instrumentation";
  import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
  import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
  registerInstrumentations({ instrumentations: [new HttpInstrumentation(), new UndiciInstrumentation()] });
`;

const A2A_OTEL = `${SDK}
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
  const HEADERS = { traceparent: "00-" + "1".repeat(32) + "-" + "2".repeat(16) + "-01" };
  const settled = () => new Promise((resolve) => setTimeout(resolve, 50));
  const results = {};
  for (const [name, call] of Object.entries(clients)) {
    const values = await call("/ok", {});
    const byHand = await call("/ok", HEADERS);
    await settled();
    globalThis.spans.length = 0;
    await call("/slow", {});
    await settled();
    const body = globalThis.spans.some((milliseconds) => milliseconds > 150);
    globalThis.spans.length = 0;
    await call("/redirect", {});
    await settled();
    results[name] = { values: values.length, byHand: byHand.length, body, hops: globalThis.spans.length };
  }
  console.log(JSON.stringify(results));
  process.exit();
`;

const module = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;

/** Replaces package names by URLs, because a module in a `data:` URL cannot resolve them. */
const resolved = (code: string): string =>
  code.replaceAll(/from "([^"]+)"/g, (_, name: string) => `from ${JSON.stringify(import.meta.resolve(name))}`);

/** Makes calls with each client in a process that loads the tracer before (`early`) or after (`late`) the clients. */
async function observe(tracing: string, when: "early" | "late"): Promise<unknown> {
  const { LATE: _, ...env } = process.env;
  const tracer = module(resolved(tracing));
  const early = when === "early" ? ["--import", tracer] : [];
  const { stdout } = await run(process.execPath, [...early, "--input-type=module", "-e", resolved(CALLS)], {
    env: { ...env, URL: server.url, ...(when === "late" && { LATE: tracer }) },
    timeout: 20_000,
  });
  return JSON.parse(stdout);
}

/** One `traceparent` value, also if the application set one; a span that covers the body; a span for each redirect hop. */
const complete = { values: 1, byHand: 1, body: true, hops: 2 };

describe("the table of docs/alternatives.md", () => {
  it("is right about instrumentation-undici and instrumentation-http loaded before the clients", async () => {
    const doubled = { ...complete, byHand: 2 };
    expect(await observe(OPENTELEMETRY, "early")).toEqual({ fetch: doubled, undici: doubled, axios: complete, got: complete });
  });

  it("is right about instrumentation-undici and instrumentation-http loaded after the clients", async () => {
    const doubled = { ...complete, byHand: 2 };
    const unseen = { values: 0, byHand: 1, body: false, hops: 0 };
    expect(await observe(OPENTELEMETRY, "late")).toEqual({ fetch: doubled, undici: doubled, axios: unseen, got: unseen });
  });

  it.each(["early", "late"] as const)("is right about a2a-otel loaded %s", async (when) => {
    expect(await observe(A2A_OTEL, when)).toEqual({
      fetch: complete,
      undici: complete,
      axios: { ...complete, hops: 1 },
      got: complete,
    });
  });
});
