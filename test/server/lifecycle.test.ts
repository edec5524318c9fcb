import { once } from "node:events";
import type { RequestListener, ServerResponse } from "node:http";
import { createServer as createHttpsServer, get as httpsGet } from "node:https";
import type { RequestOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { Readable, pipeline } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { SpanKind, SpanStatusCode, propagation, trace } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { traceRequests } from "../../src/server/node.ts";
import { listen } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, getAttributes, send, sendAndClose, sendRaw } from "./client.ts";

let telemetry: TestTelemetry;
let server: TestServer;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.settled();
  await telemetry.stop();
});
const start = async (listener: RequestListener): Promise<void> => void (server = await listen(traceRequests(listener)));

const unset = (port: number, more = {}): object => ({
  name: "GET",
  kind: SpanKind.SERVER,
  status: SpanStatusCode.UNSET,
  attributes: getAttributes(port, "/", more),
  events: [],
});

describe("the end of a response", () => {
  it("ends the span once, after the last event of an event stream", async () => {
    await start(async (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let count = 0; count < 4; count++) {
        response.write(`data: ${count}\n\n`);
        await sleep(20); // oxlint-disable-line no-await-in-loop -- one event after another
      }
      expect(telemetry.own()).toEqual([]);
      response.end();
    });
    expect((await send(server.url)).body).toBe("data: 0\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\n");
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toEqual(unset(server.port));
    const [seconds = 0, nanoseconds = 0] = span?.duration ?? [];
    expect(seconds * 1000 + nanoseconds / 1e6).toBeGreaterThan(70);
  });

  it.each(["destroy", "resetAndDestroy"] as const)(
    "is not an error if the client closes the connection in the middle (%s)",
    async (how) => {
      await start((_, response) => {
        const timer = setInterval(() => response.write("data: x\n\n"), 5);
        response.on("close", () => clearInterval(timer));
      });
      await sendAndClose(server.port, { close: how });
      const [span] = await telemetry.ended(1);
      expect(span && shapeOf(span)).toEqual(unset(server.port));
    },
  );

  it("leaves no status if the client closes the connection before the headers", async () => {
    await start(() => {});
    await sendAndClose(server.port, { isReady: () => telemetry.started() === 1 });
    const [span] = await telemetry.ended(1);
    const { "http.response.status_code": _, ...attributes } = getAttributes(server.port, "/");
    expect(span && shapeOf(span)).toEqual({ ...unset(server.port), attributes });
  });

  it("is final: what the handler does after the client has closed the connection changes nothing", async () => {
    let late: ServerResponse | undefined;
    await start((_, response) => void (late = response));
    await sendAndClose(server.port, { isReady: () => late !== undefined });
    await telemetry.ended(1);
    late?.writeHead(500).end("too late");
    late?.destroy(new Error("later still"));
    await sleep(20);
    expect((await telemetry.ended(1))[0]?.status.code).toBe(SpanStatusCode.UNSET);
  });

  it("ends the span for HEAD, 204 and 304 too", async () => {
    await start((request, response) => void response.writeHead(request.url === "/204" ? 204 : 304).end());
    await send(`${server.url}/204`);
    await send(`${server.url}/304`, { method: "HEAD" });
    const spans = await telemetry.ended(2);
    expect(spans.map((span) => span.attributes["http.response.status_code"])).toEqual([204, 304]);
  });
});

async function* failingSource(): AsyncGenerator<string> {
  yield "a";
  await sleep(10);
  throw new TypeError("source");
}

it('keeps the span open for the application\'s listeners of "finish"', async () => {
  await start((_, response) => {
    response.on("finish", () => trace.getActiveSpan()?.setAttribute("app.finished", true));
    response.end("ok");
  });
  await fetch(server.url).then((response) => response.text());
  await telemetry.settled();
  expect(telemetry.own()[0]?.attributes).toMatchObject({ "app.finished": true });
});

describe("a response that the server breaks off", () => {
  class ModelError extends Error {
    code = "E_MODEL";
  }
  const failure = { status: SpanStatusCode.ERROR, events: ["exception"] };

  it("records the error of response.destroy(error)", async () => {
    await start((_, response) => {
      response.write("a");
      setTimeout(() => response.destroy(new ModelError("gone")), 10);
    });
    await expect(send(server.url)).rejects.toThrow("aborted");
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toEqual({ ...unset(server.port, { "error.type": "E_MODEL" }), ...failure });
    expect(span?.events[0]?.attributes?.["exception.message"]).toBe("gone");
  });

  it("records the error of a pipeline whose source fails", async () => {
    await start((_, response) => {
      pipeline(Readable.from(failingSource()), response, () => {});
    });
    await expect(send(server.url)).rejects.toThrow("aborted");
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toEqual({ ...unset(server.port, { "error.type": "TypeError" }), ...failure });
  });

  it("records the error that a listener throws, and passes it on", async () => {
    const error = new ModelError("thrown");
    const traced = traceRequests(() => {
      throw error;
    });
    let caught: unknown;
    server = await listen((request, response) => {
      try {
        traced(request, response);
      } catch (thrown) {
        caught = thrown;
        response.writeHead(500).end();
      }
    });
    await send(server.url);
    expect(caught).toBe(error);
    const [span] = await telemetry.ended(1);
    const { "http.response.status_code": _, ...attributes } = getAttributes(server.port, "/", { "error.type": "E_MODEL" });
    expect(span && shapeOf(span)).toEqual({ ...unset(server.port), attributes, ...failure });
  });

  it("returns what the listener returns, also a promise", async () => {
    const promise = Promise.resolve("value");
    const traced = traceRequests(((_request, response) => {
      response.end();
      return promise;
    }) as RequestListener);
    let returned: unknown;
    server = await listen((request, response) => void (returned = traced(request, response)));
    await send(server.url);
    expect(returned).toBe(promise);
    await telemetry.ended(1);
  });
});

describe("an invalid request", () => {
  it.each([
    ["not hexadecimal", "00-zzzz2f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
    ["too short", "00-4bf92f35-00f067aa0ba902b7-01"],
    ["a trace id of zeros", `00-${"0".repeat(32)}-${SPAN_ID}-01`],
    ["version ff", `ff-${TRACE_ID}-${SPAN_ID}-01`],
    ["longer than version 00", `${TRACEPARENT}-extra`],
    ["two values", [TRACEPARENT, TRACEPARENT.replace("4bf9", "5bf9")]],
  ])("starts a new trace without the tracestate, and keeps the baggage, if the traceparent is %s", async (_, traceparent) => {
    let state: string | undefined;
    let baggage: unknown;
    await start((_request, response) => {
      state = trace.getActiveSpan()?.spanContext().traceState?.serialize();
      baggage = propagation.getActiveBaggage()?.getAllEntries();
      response.end();
    });
    await send(server.url, { headers: { traceparent, tracestate: "vendor=1", baggage: "a=1" } });
    const [span] = await telemetry.ended(1);
    expect(span?.spanContext().traceId).not.toBe(TRACE_ID);
    expect(span?.parentSpanContext).toBeUndefined();
    expect(state).toBeUndefined();
    expect(baggage).toEqual([["a", { value: "1" }]]);
  });

  it("drops invalid baggage members and those beyond the limits, and keeps the others", async () => {
    let members: (string | undefined)[][] = [];
    await start((_, response) => {
      members = (propagation.getActiveBaggage()?.getAllEntries() ?? []).map(([key, { value }]) => [key, value]);
      response.end();
    });
    const large = `large=${"x".repeat(5000)}`;
    await send(server.url, { headers: { traceparent: TRACEPARENT, baggage: `a=1,broken,=2,b=%E0%A4%A,,${large},c=%C3%A4;p=1` } });
    expect(members).toEqual([
      ["a", "1"],
      ["c", "ä"],
    ]);
    expect((await telemetry.ended(1))[0]?.spanContext().traceId).toBe(TRACE_ID);
  });

  it("is not traced if it is not HTTP", async () => {
    await start((_, response) => void response.end());
    expect(await sendRaw(server.port, "nonsense\r\n\r\n")).toContain("400 Bad Request");
    expect(telemetry.started()).toBe(0);
  });
});

it("records the scheme and the default port of https", async () => {
  server = await listen((_, response) => void response.end());
  // With a pre-shared key the test needs no certificate.
  const tls = { ciphers: "PSK-AES128-GCM-SHA256", minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const;
  const psk = Buffer.alloc(16, 1);
  const listener = traceRequests((_, response) => void response.end());
  const secure = createHttpsServer({ ...tls, pskCallback: () => psk }, listener).listen(0, "127.0.0.1");
  await once(secure, "listening");
  const { port } = secure.address() as AddressInfo;
  const pskCallback = (): object => ({ psk, identity: "test" });
  const target = { port, host: "127.0.0.1", headers: { host: "agents.example" }, agent: false };
  const request = httpsGet({ ...target, ...tls, pskCallback, checkServerIdentity: () => {} } as RequestOptions);
  await once(request, "response").then(([response]) => (response as Readable).resume());
  const [span] = await telemetry.ended(1);
  secure.close();
  const https = { "url.scheme": "https", "server.address": "agents.example", "server.port": 443 };
  expect(span && shapeOf(span)).toEqual(unset(port, https));
});
