import assert from "node:assert/strict";
import type { Check } from "../apps/checks.ts";
import type { Running } from "../apps/process.ts";
import { newCaller } from "../apps/traces.ts";
import type { Caller } from "../apps/traces.ts";
import type { Span } from "../../tools/src/view/span.ts";
import type { Collector } from "./collector.ts";
import type { Runtime } from "./runtimes.ts";

/** A SERVER span as a check writes it down, with the names of what hangs beneath it. */
interface Outline {
  readonly name: string;
  readonly status: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly within: readonly string[];
}

/** What `server/web` does on a runtime: `traceRequests` around its handler, `traceMiddleware` in Hono. */
export async function verifyServer(runtime: Runtime, { url }: Running, collector: Collector, check: Check): Promise<void> {
  const ask = async (path: string, caller: Caller): Promise<{ status: number; text: string }> => {
    const response = await fetch(url + path, { headers: { traceparent: caller.traceparent, "user-agent": "caller" } });
    return { status: response.status, text: await response.text() };
  };
  const expected = (path: string, more: Partial<Outline> & { route?: string } = {}): Outline => ({
    name: more.route === undefined ? "GET" : `GET ${more.route}`,
    status: more.status ?? "unset",
    attributes: {
      "http.request.method": "GET",
      "http.response.status_code": 200,
      ...(more.route !== undefined && { "http.route": more.route }),
      "server.address": "127.0.0.1",
      "server.port": Number(new URL(url).port),
      "url.path": path,
      "url.scheme": "http",
      "user_agent.original": "caller",
      ...runtime.connection,
      ...more.attributes,
    },
    within: more.within ?? [],
  });
  /** Asks for a path as a caller in a trace, and holds the one SERVER span against what it should be. */
  const verify = async (path: string, answer: { status: number; text: string }, outline: Outline): Promise<Span> => {
    const caller = newCaller();
    assert.deepEqual(await ask(path, caller), answer);
    await new Promise((resolve) => setTimeout(resolve, 60));
    const spans = await collector.spansOf(url);
    const servers = spans.filter(({ kind }) => kind === "SERVER");
    assert.deepEqual(
      servers.map((span) => outlineOf(span, spans)),
      [outline],
    );
    const server = servers[0] as Span;
    assert.deepEqual([server.traceId, server.parentSpanId, server.remoteParent], [caller.traceId, caller.spanId, true]);
    assert.deepEqual([...new Set(spans.map(({ traceId }) => traceId))], [caller.traceId]);
    return server;
  };
  const EVENTS = "data: 0\n\ndata: 1\n\ndata: 2\n\n";
  const during = ["event 0", "event 1", "event 2"];

  await check("traceRequests: continues the caller's trace, also after awaiting", async () => {
    await verify("/hello", { status: 200, text: "hello" }, expected("/hello", { within: ["within"] }));
  });
  await check("traceRequests: the span of an event stream lasts to its last event, in the request's context", async () => {
    const span = await verify("/events", { status: 200, text: EVENTS }, expected("/events", { within: during }));
    return tookAtLeast(span, 100);
  });
  await check("traceRequests: what a handler throws is an error, and the runtime's own to answer", async () => {
    const caller = newCaller();
    const { status, text } = await ask("/throw", caller);
    assert.equal(status, 500);
    assert.ok(text.includes(runtime.thrown), text);
    const spans = await collector.spansOf(url);
    const attributes = { "error.type": "RangeError", "http.response.status_code": undefined };
    assert.deepEqual(
      spans.map((span) => withoutStatus(outlineOf(span, spans))),
      [withoutStatus(expected("/throw", { status: "error", attributes }))],
    );
    assert.deepEqual(
      spans.map(({ events }) => events.map((event) => event.attributes["exception.message"])),
      [["thrown"]],
    );
  });
  await check("traceRequests: 404 is no error", async () => {
    const attributes = { "http.response.status_code": 404 };
    await verify("/nowhere", { status: 404, text: "missing" }, expected("/nowhere", { attributes }));
  });
  await check("traceRequests: work that outlives the response belongs to its trace", async () => {
    await verify("/later", { status: 200, text: "later" }, expected("/later", { within: ["later"] }));
  });
  await check("traceMiddleware: the span is named by Hono's route", async () => {
    const answer = { status: 200, text: "hono has writer" };
    await verify(
      "/hono/agents/writer",
      answer,
      expected("/hono/agents/writer", { route: "/hono/agents/:name", within: ["within hono"] }),
    );
  });
  await check("traceMiddleware: the span of streamSSE lasts to its last event", async () => {
    const outline = expected("/hono/events/1", { route: "/hono/events/:name", within: during });
    return tookAtLeast(await verify("/hono/events/1", { status: 200, text: EVENTS }, outline), 100);
  });
  await check("traceMiddleware: what a handler throws is an error", async () => {
    const attributes = { "error.type": "RangeError", "http.response.status_code": 500 };
    const outline = expected("/hono/throw", { route: "/hono/throw", status: "error", attributes });
    await verify("/hono/throw", { status: 500, text: "Internal Server Error" }, outline);
  });
}

function outlineOf(span: Span, spans: readonly Span[]): Outline {
  const { name, status } = span;
  const attributes = { ...span.attributes };
  // The port that the caller happened to call from.
  delete (attributes as Record<string, unknown>)["network.peer.port"];
  const within = spans.filter(({ parentSpanId }) => parentSpanId === span.spanId).map((child) => child.name);
  return { name, status, attributes, within };
}

function withoutStatus(outline: Outline): Outline {
  const attributes = { ...outline.attributes };
  delete (attributes as Record<string, unknown>)["http.response.status_code"];
  return { ...outline, attributes };
}

function tookAtLeast({ start, end = start }: Span, milliseconds: number): string {
  const took = Number(end - start) / 1e6;
  assert.ok(took >= milliseconds, `the span took ${took} ms, the stream at least ${milliseconds}`);
  return `${Math.round(took)} ms`;
}
