import { AsyncLocalStorage } from "node:async_hooks";
import { EventEmitter, once } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { connect } from "node:net";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { ROOT_CONTEXT, SpanKind, context, propagation, trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceRequests } from "../../src/server/node.ts";
import { listen } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, send, sendRaw } from "./client.ts";

let telemetry: TestTelemetry;
let server: TestServer;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.stop();
});

/** The active trace id, and the baggage member by which requests are distinguished. */
function active(): string {
  const traceId = trace.getSpanContext(context.active())?.traceId ?? "none";
  return `${traceId} ${propagation.getBaggage(context.active())?.getEntry("who")?.value ?? "none"}`;
}
const activeId = (): string | undefined => trace.getActiveSpan()?.spanContext().spanId;
const CALLERS_CONTEXT = `${TRACE_ID} alice`;
const HEADERS = { traceparent: TRACEPARENT, baggage: "who=alice" };

/** Serves one request with a body, and returns the active contexts that its handler noted, by name. */
async function contextsNoted(
  handle: (note: (where: string) => void, request: IncomingMessage, response: ServerResponse) => unknown,
  count: number,
): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  const note = (where: string): void => void (seen[where] = active());
  server = await listen(traceRequests((request, response) => void handle(note, request, response)));
  await send(server.url, { method: "POST", headers: HEADERS, body: "body" }).catch(() => {});
  await until(() => Object.keys(seen).length >= count);
  return seen;
}

const inCallersContext = (...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, CALLERS_CONTEXT]));

describe("the caller's context is active", () => {
  it("in the listener and in everything that it awaits", async () => {
    const seen = await contextsNoted(async (note, request, response) => {
      note("listener");
      await Promise.resolve();
      note("promise");
      await sleep(1);
      note("timer");
      await nextTurn();
      note("immediate");
      for await (const chunk of request) note(`chunk ${String(chunk)}`);
      note("body");
      response.end();
      await once(response, "close");
      note("close");
    }, 7);
    expect(seen).toEqual(inCallersContext("listener", "promise", "timer", "immediate", "chunk body", "body", "close"));
  });

  it("in background work that continues after the response", async () => {
    const seen = await contextsNoted((note, _, response) => {
      setTimeout(() => note("timeout"), 30);
      const timer = setInterval(() => {
        note("interval");
        clearInterval(timer);
      }, 30);
      queueMicrotask(() => note("microtask"));
      process.nextTick(() => note("tick"));
      response.end();
    }, 4);
    expect(seen).toEqual(inCallersContext("timeout", "interval", "microtask", "tick"));
  });

  it("in listeners of the request and the response", async () => {
    const seen = await contextsNoted((note, request, response) => {
      request.on("data", () => note("data"));
      request.once("end", () => {
        note("end");
        response.end("answer");
      });
      request.on("close", () => note("request close"));
      response.on("finish", () => note("finish"));
      response.on("close", () => note("close"));
    }, 5);
    expect(seen).toEqual(inCallersContext("data", "end", "request close", "finish", "close"));
  });

  it("in listeners that are added in a later turn, and in callbacks of write() and end()", async () => {
    const seen = await contextsNoted(async (note, request, response) => {
      await sleep(5);
      request.on("readable", () => {
        note("readable");
        while (request.read() !== null);
      });
      response.on("drain", () => note("drain"));
      response.write(Buffer.alloc(4_000_000), () => note("write"));
      await once(response, "drain");
      response.end(() => note("end"));
    }, 4);
    expect(seen).toEqual(inCallersContext("readable", "drain", "write", "end"));
  });

  it("except where a span of the handler is active: that span stays active in listeners and after await", async () => {
    const seen: (string | undefined)[] = [];
    server = await listen(
      traceRequests(async (request, response) => {
        await trace.getTracer("application").startActiveSpan("work", async (span) => {
          request.on("custom", () => seen.push(activeId()));
          request.emit("custom");
          await sleep(1);
          seen.push(activeId(), span.spanContext().spanId);
          span.end();
        });
        response.end();
      }),
    );
    await send(server.url, { headers: HEADERS });
    expect(seen).toEqual([seen[2], seen[2], seen[2]]);
    await telemetry.settled();
    const [work, own] = telemetry.spans();
    expect(telemetry.spans().map(({ name }) => name)).toEqual(["work", "GET"]);
    expect(work?.parentSpanContext?.spanId).toBe(own?.spanContext().spanId);
    expect(own?.parentSpanContext?.spanId).toBe(SPAN_ID);
  });

  it("without an SDK too", async () => {
    trace.disable();
    const seen = await contextsNoted(async (note, request, response) => {
      note("listener");
      request.resume().on("end", () => {
        note("end");
        response.end();
      });
    }, 2);
    expect(seen).toEqual(inCallersContext("listener", "end"));
  });

  it("while the application's AsyncLocalStorage behaves as without instrumentation", async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const listener: RequestListener = traceRequests((request, response) => {
      request.resume().on("end", () => {
        seen.push(storage.getStore());
        response.end();
      });
    });
    server = await listen((request, response) => storage.run("store", () => listener(request, response)));
    await send(server.url, { method: "POST", body: "x" });
    expect(seen).toEqual([undefined]); // as node:http behaves without instrumentation
  });
});

const headerLines = (who: string, id: string): string =>
  `traceparent: 00-${id.repeat(32)}-${SPAN_ID}-01\r\nbaggage: who=${who}\r\n`;

function serverSpan(): Context {
  const attributes = { "network.peer.port": 1 };
  const span = trace.getTracer("application").startSpan("outer", { kind: SpanKind.SERVER, attributes });
  const baggage = propagation.createBaggage({ who: { value: "maker" } });
  return propagation.setBaggage(trace.setSpan(ROOT_CONTEXT, span), baggage);
}
const clientSpan = (): Context => trace.setSpan(ROOT_CONTEXT, trace.getTracer("application").startSpan("outer"));

describe("the context of one request", () => {
  it("does not leak into a concurrent request on the same socket", async () => {
    const seen: Record<string, string[]> = {};
    server = await listen(
      traceRequests(async (request, response) => {
        const notes = (seen[request.url ?? ""] = [active()]);
        request.resume().on("end", () => notes.push(active()));
        await sleep(request.url === "/a" ? 40 : 1);
        notes.push(active());
        response.on("finish", () => notes.push(active()));
        response.end("x");
      }),
    );
    await sendRaw(
      server.port,
      `GET /a HTTP/1.1\r\nHost: x\r\n${headerLines("alice", "a")}\r\n` +
        `GET /b HTTP/1.1\r\nHost: x\r\n${headerLines("bob", "b")}Connection: close\r\n\r\n`,
    );
    expect(seen).toEqual({
      "/a": Array.from({ length: 4 }, () => `${"a".repeat(32)} alice`),
      "/b": Array.from({ length: 4 }, () => `${"b".repeat(32)} bob`),
    });
    const spans = await telemetry.ended(2);
    const traces = Object.fromEntries(spans.map((span) => [span.attributes["url.path"], span.spanContext().traceId[0]]));
    expect(traces).toEqual({ "/a": "a", "/b": "b" });
  });

  it("does not leak into the next request on the same socket", async () => {
    const seen: string[] = [];
    const sockets = new Set<unknown>();
    server = await listen(
      traceRequests((request, response) => {
        sockets.add(request.socket);
        seen.push(active());
        request.resume().on("end", () => response.end());
      }),
    );
    const socket = connect(server.port, "127.0.0.1");
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\ntraceparent: ${TRACEPARENT}\r\nbaggage: who=alice\r\nContent-Length: 1\r\n\r\nx`);
    await once(socket, "data");
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "data");
    socket.destroy();
    expect(sockets.size).toBe(1);
    expect(seen[0]).toBe(CALLERS_CONTEXT);
    expect(seen[1]).toMatch(/^(?!4bf92)[\da-f]{32} none$/);
    const spans = await telemetry.ended(2);
    expect(spans[1]?.parentSpanContext).toBeUndefined();
  });

  it.each<[string, () => Context]>([
    ["a span", clientSpan],
    ["the open SERVER span of another request, with baggage", serverSpan],
    ["suppressed tracing", () => suppressTracing(ROOT_CONTEXT)],
  ])("does not contain the context in which the server was created: %s", async (_, make) => {
    let seen = "";
    const handler: RequestListener = (_request, response) => {
      seen = active();
      response.end();
    };
    server = await context.with(make(), () => listen(traceRequests(handler)));
    await send(server.url, { headers: HEADERS });
    expect(seen).toBe(CALLERS_CONTEXT);
    const [span] = await telemetry.ended(1);
    expect(span?.parentSpanContext?.spanId).toBe(SPAN_ID);
  });

  it("does not leak into requests to a server that its handler creates", async () => {
    let inner: TestServer | undefined;
    server = await listen(
      traceRequests(async (_, response) => {
        inner = await listen(traceRequests((_request, innerResponse) => void innerResponse.end(active())));
        response.end();
      }),
    );
    await send(server.url, { headers: { ...HEADERS, baggage: "who=bob" } });
    const traceparent = `00-${"c".repeat(32)}-${SPAN_ID}-01`;
    const answer = await send(inner?.url ?? "", { headers: { traceparent, baggage: "who=carol" } });
    await inner?.close();
    expect(answer.body).toBe(`${"c".repeat(32)} carol`);
    const spans = await telemetry.ended(2);
    expect(spans.map((span) => span.spanContext().traceId)).toEqual([TRACE_ID, "c".repeat(32)]);
  });
});

it("restores emit() of a request and a response that are closed", async () => {
  const seen: { request: IncomingMessage; response: ServerResponse }[] = [];
  server = await listen(
    traceRequests((request, response) => {
      seen.push({ request, response });
      request.resume();
      request.on("end", () => response.end("done"));
    }),
  );
  await send(server.url, { method: "POST", headers: HEADERS, body: "body" });
  const { request, response } = seen[0]!;
  const isOwn = (emitter: EventEmitter): boolean => Reflect.get(emitter, "emit") === Reflect.get(EventEmitter.prototype, "emit");
  await vi.waitFor(() => expect(isOwn(request)).toBe(true));
  await vi.waitFor(() => expect(isOwn(response)).toBe(true));
});
