import { execFile } from "node:child_process";
import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { serve } from "./support/server.ts";

// Checks the columns of docs/alternatives.md whose packages are development dependencies. Each tracer runs in a separate process.

const run = promisify(execFile);

const traceparents = ({ rawHeaders }: IncomingMessage): string[] =>
  rawHeaders.filter((_, index) => rawHeaders[index - 1]?.toLowerCase() === "traceparent");

const server = await serve({
  "/ok": (request, response) => void response.end(JSON.stringify(traceparents(request))),
  "/by-hand": (request, response) => void response.end(JSON.stringify(traceparents(request))),
  "/slow": (_, response) => {
    response.write("[");
    setTimeout(() => response.end("]"), 200);
  },
  "/redirect": ({ url = "" }, response) => void response.writeHead(302, { location: url.replace("redirect", "redirected") }).end(),
  "/redirected": (_, response) => void response.end("[]"),
});
afterAll(() => server.close());

const SDK = `
  import { context, propagation, trace } from "@opentelemetry/api";
  import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
  import { W3CTraceContextPropagator } from "@opentelemetry/core";
  import { TracerProvider } from "@opentelemetry/sdk-trace";
  const spans = [];
  const onEnd = ({ attributes, duration: [seconds, nanoseconds] }) =>
    spans.push({ url: new URL(attributes["url.full"] ?? attributes["http.url"]), milliseconds: seconds * 1000 + nanoseconds / 1e6 });
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
  const received = {};
  for (const [name, call] of Object.entries(clients)) {
    const values = await call("/ok?client=" + name, {});
    const byHand = await call("/by-hand?client=" + name, HEADERS);
    await call("/slow?client=" + name, {});
    await call("/redirect?client=" + name, {});
    received[name] = { values: values.length, byHand: byHand.length };
  }
  const deadline = Date.now() + 5000;
  while (globalThis.spans.length < Number(process.env.SPANS) && Date.now() < deadline) await new Promise(setImmediate);
  const results = {};
  for (const name of Object.keys(clients)) {
    const spans = globalThis.spans.filter(({ url }) => url.search === "?client=" + name);
    const body = spans.some(({ url, milliseconds }) => url.pathname === "/slow" && milliseconds > 150);
    results[name] = { ...received[name], body, hops: spans.filter(({ url }) => url.pathname.startsWith("/redirect")).length };
  }
  console.log(JSON.stringify(results));
  process.exit();
`;

const module = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;

/** Replaces package names by URLs, because a module in a `data:` URL cannot resolve them. */
const resolved = (code: string): string =>
  code.replaceAll(/from "([^"]+)"/g, (_, name: string) => `from ${JSON.stringify(import.meta.resolve(name))}`);

/**
 * Makes calls with each client in a process that loads the tracer before (`early`) or after (`late`) the clients.
 *
 * @param spans the number of spans to wait for.
 */
async function observe(tracing: string, when: "early" | "late", spans: number): Promise<unknown> {
  const { LATE: _, ...env } = process.env;
  const tracer = module(resolved(tracing));
  const early = when === "early" ? ["--import", tracer] : [];
  const { stdout } = await run(process.execPath, [...early, "--input-type=module", "-e", resolved(CALLS)], {
    env: { ...env, URL: server.url, SPANS: String(spans), ...(when === "late" && { LATE: tracer }) },
    timeout: 20_000,
  });
  return JSON.parse(stdout);
}

/** One `traceparent` value, also if the application set one; a span that covers the body; a span for each redirect hop. */
const complete = { values: 1, byHand: 1, body: true, hops: 2 };

describe("the table of docs/alternatives.md", () => {
  it("is right about instrumentation-undici and instrumentation-http loaded before the clients", async () => {
    const doubled = { ...complete, byHand: 2 };
    expect(await observe(OPENTELEMETRY, "early", 20)).toEqual({ fetch: doubled, undici: doubled, axios: complete, got: complete });
  });

  it("is right about instrumentation-undici and instrumentation-http loaded after the clients", async () => {
    const doubled = { ...complete, byHand: 2 };
    const unseen = { values: 0, byHand: 1, body: false, hops: 0 };
    expect(await observe(OPENTELEMETRY, "late", 10)).toEqual({ fetch: doubled, undici: doubled, axios: unseen, got: unseen });
  });

  it.each(["early", "late"] as const)("is right about a2a-otel loaded %s", async (when) => {
    expect(await observe(A2A_OTEL, when, 20)).toEqual({
      fetch: complete,
      undici: complete,
      axios: complete,
      got: complete,
    });
  });
});
