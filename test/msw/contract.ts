import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { Agent, request as undiciRequest } from "undici";
import { afterAll, afterEach, beforeAll, beforeEach, describe as group, expect, it } from "vitest";
import { wrapFetch } from "../../src/fetch.ts";
import { traceInterceptor } from "../../src/undici.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { AGENT, mockAgents } from "./agents.ts";
import { MOCKED } from "./clients.ts";
import type { Client } from "./clients.ts";

/** The outcome of a call, as an application sees it. */
async function outcome(result: Promise<unknown>): Promise<unknown> {
  try {
    return { fulfilled: await result };
  } catch (reason) {
    const { name, code, message, cause, response } = reason as Error & { code?: unknown; response?: { status?: number } };
    const { constructor, message: causeMessage } = (cause ?? {}) as Error;
    return {
      name,
      code,
      message,
      cause: [constructor.name, causeMessage],
      type: reason?.constructor.name,
      status: response?.status,
    };
  }
}

const text = async (chunks: AsyncIterable<Uint8Array>): Promise<string> => {
  let read = "";
  for await (const chunk of chunks) read += Buffer.from(chunk).toString();
  return read;
};

/** The attributes of a span, without those of the connection, which msw's sockets do not always show. */
function attributesOf(span: ReadableSpan): object {
  const kept = Object.entries(span.attributes).filter(([name]) => !name.startsWith("network."));
  return Object.fromEntries(kept);
}

const expected = (path: string, more: object = {}): Record<string, unknown> => ({
  "http.request.method": "GET",
  "server.address": "agents.example",
  "server.port": 443,
  "url.full": AGENT + path,
  "http.response.status_code": 200,
  ...more,
});

/** Tests with msw. @param order when msw begins to listen: before or after the client is instrumented. */
export function mswContract(order: "before" | "after"): void {
  let server: TestServer;
  let telemetry: TestTelemetry;
  const agents = mockAgents();
  const { listen, close, seen } = agents;
  const platform = Object.getOwnPropertyDescriptor(globalThis, "fetch")!;

  beforeAll(async () => {
    server = await serve({ ...ROUTES, "/passed": ROUTES["/ok"]!, "/captured": ROUTES["/ok"]! });
  });
  afterAll(() => server.close());
  beforeEach(() => {
    telemetry = startTelemetry();
    seen.length = 0;
    server.requests.length = 0;
  });
  afterEach(async () => {
    await telemetry.stop();
    Object.defineProperty(globalThis, "fetch", platform);
  });

  /** Waits until all spans have ended; there is one of ours. */
  const only = async (): Promise<ReadableSpan> => {
    const [span] = await telemetry.ended(1);
    await telemetry.settled();
    expect(telemetry.own()).toHaveLength(1);
    return span!;
  };

  group.each(MOCKED)(`msw listening ${order} $name`, ({ name, plain, instrument, networkError, reportsTruncation }) => {
    let client: Client;
    let undo: (() => void) | undefined;
    beforeEach(() => {
      if (order === "before") listen();
      ({ client, undo } = instrument());
      agents.callOn = () => client.bypassed(`${server.url}/ok`);
      if (order === "after") listen();
    });
    afterEach(() => {
      if (order === "after") close();
      undo?.();
      if (order === "before") close();
    });

    /** What the same call comes to under msw alone. */
    const without = async (call: (bare: Client) => Promise<unknown>): Promise<unknown> => {
      if (order === "after") close();
      undo?.();
      if (order === "after") listen();
      const result = await outcome(call(plain()));
      expect(telemetry.started()).toBe(0);
      if (order === "after") close();
      ({ client, undo } = instrument());
      if (order === "after") listen();
      return result;
    };

    it("sends one traceparent, that of the CLIENT span, to a mocked agent", async () => {
      const { status, body } = await inSpan("agent", () => client.send(`${AGENT}/card?a=1`));
      expect(status).toBe(200);
      expect(JSON.parse(body)).toEqual({ name: "mocked" });
      const span = await only();
      expect(seen).toEqual([traceparentOf(span)]);
      expect({ ...shapeOf(span), attributes: attributesOf(span) }).toEqual({
        name: "GET",
        kind: SpanKind.CLIENT,
        status: SpanStatusCode.UNSET,
        attributes: expected("/card?a=1"),
        events: [],
      });
      const agent = telemetry.spans().find((other) => other.name === "agent");
      expect(span.parentSpanContext?.spanId).toBe(agent?.spanContext().spanId);
    });

    it("sends the whole request body", async () => {
      const body = "x".repeat(100_000);
      expect(await client.send(`${AGENT}/echo`, { method: "POST", body })).toEqual({ status: 200, body });
      expect(attributesOf(await only())).toEqual(expected("/echo", { "http.request.method": "POST" }));
    });

    it("records a 500 as an error named by the status, and settles as without tracing", async () => {
      const call = ({ send }: Client): Promise<unknown> => send(`${AGENT}/500`);
      const bare = await without(call);
      expect(await outcome(call(client))).toEqual(bare);
      const span = await only();
      expect(shapeOf(span)).toMatchObject({ status: SpanStatusCode.ERROR, events: [] });
      expect(attributesOf(span)).toEqual(expected("/500", { "http.response.status_code": 500, "error.type": "500" }));
    });

    it("records a network error with its exception, and rejects as without tracing", async () => {
      const call = ({ send }: Client): Promise<unknown> => send(`${AGENT}/error`);
      const bare = await without(call);
      expect(await outcome(call(client))).toEqual(bare);
      const span = await only();
      expect(shapeOf(span)).toMatchObject({ status: SpanStatusCode.ERROR, events: ["exception"] });
      const { "http.response.status_code": _, ...attributes } = expected("/error", { "error.type": networkError });
      expect(attributesOf(span)).toEqual(attributes);
      expect(span.events[0]?.attributes?.["exception.message"]).toMatch(/network error|fetch failed/i);
    });

    it("delivers a stream as it is sent and ends the span with its last byte", async () => {
      const chunks = (await client.events(`${AGENT}/gated`))[Symbol.asyncIterator]();
      expect(Buffer.from((await chunks.next()).value as Uint8Array).toString()).toBe("data: first\n\n");
      expect(telemetry.own()).toEqual([]);
      agents.open();
      expect(await text({ [Symbol.asyncIterator]: () => chunks })).toBe("data: last\n\n");
      expect(shapeOf(await only())).toMatchObject({ status: SpanStatusCode.UNSET, events: [] });
    });

    it("records no error when the application stops reading a stream", async () => {
      // eslint-disable-next-line no-unreachable-loop -- it is left on purpose
      for await (const _ of await client.events(`${AGENT}/endless`)) break;
      const span = await only();
      expect(shapeOf(span)).toMatchObject({ status: SpanStatusCode.UNSET, events: [] });
      expect(attributesOf(span)).toEqual(expected("/endless"));
    });

    it("records a truncated stream as the client reports it", async () => {
      const call = async ({ events }: Client): Promise<unknown> => text(await events(`${AGENT}/cut`));
      const bare = await without(call);
      expect(await outcome(call(client))).toEqual(bare);
      expect(shapeOf(await only()).status).toBe(reportsTruncation ? SpanStatusCode.ERROR : SpanStatusCode.UNSET);
    });

    it("records no error for an abort before the response, and rejects as without tracing", async () => {
      const call = ({ send }: Client): Promise<unknown> => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(), 50);
        return send(`${AGENT}/never`, { signal: controller.signal });
      };
      const bare = await without(call);
      expect(await outcome(call(client))).toEqual(bare);
      const span = await only();
      expect(shapeOf(span)).toMatchObject({ status: SpanStatusCode.UNSET, events: [] });
      const { "http.response.status_code": _, ...attributes } = expected("/never");
      expect(attributesOf(span)).toEqual(attributes);
    });

    it("records the call and the spans of a handler that makes a request", async () => {
      // Each test has a host of its own: on a warm socket, a handler may run in the context of the call that opened it.
      const host = `${order}-${name.replaceAll(/\W/g, "-")}.agents.example`.toLowerCase();
      expect((await inSpan("agent", () => client.send(`https://${host}/onward`))).body).toBe("hello");
      const spans = await telemetry.ended(2);
      await telemetry.settled();
      const [inner, outer] = ["127.0.0.1", host].map((address) =>
        spans.find(({ attributes }) => attributes["server.address"] === address),
      );
      expect(seen).toEqual([traceparentOf(outer!)]);
      expect(server.values("traceparent")).toEqual([traceparentOf(inner!)]);
      const [handlers, ...others] = telemetry.spans().filter((span) => span.name === "in the handler");
      expect(others).toEqual([]);
      for (const span of [inner, handlers]) expect(span?.spanContext().traceId).toBe(outer?.spanContext().traceId);
    });

    it.each(["/passed", "/ok"])("records one call for a request that passes through: %s", async (path) => {
      expect((await inSpan("agent", () => client.send(server.url + path))).body).toBe("hello");
      const span = await only();
      expect(server.values("traceparent")).toEqual([traceparentOf(span)]);
      expect(attributesOf(span)).toMatchObject({ "url.full": server.url + path, "http.response.status_code": 200 });
    });

    it("gives ten concurrent calls their own parents", async () => {
      await Promise.all(Array.from({ length: 10 }, (_, i) => inSpan(`agent ${i}`, () => client.send(`${AGENT}/card?n=${i}`))));
      const own = await telemetry.ended(10);
      await telemetry.settled();
      expect(new Set(seen)).toEqual(new Set(own.map(traceparentOf)));
      for (const span of own) {
        const parent = telemetry.spans().find((other) => other.spanContext().spanId === span.parentSpanContext?.spanId);
        expect(parent?.name).toBe(`agent ${String(span.attributes["url.full"]).split("=")[1]}`);
      }
    });

    it("settles as without tracing after msw is closed", async () => {
      close();
      try {
        const result = await outcome(client.send(`${server.url}/ok`));
        await telemetry.settled();
        // msw restores the fetch that it found, and so removes later wrappers.
        expect(telemetry.own()).toHaveLength(order === "before" && name === "instrumentFetch" ? 0 : 1);
        // axios with the fetch adapter fails, because it has kept msw's Request class.
        expect(result).toEqual(await outcome(plain().send(`${server.url}/ok`)));
      } finally {
        listen();
      }
    });

    it("leaves msw in place when it is undone", async ({ skip }) => {
      skip(undo === undefined, "what is wrapped stays wrapped");
      undo?.();
      expect((await client.send(`${AGENT}/card`)).status).toBe(200);
      expect(seen).toEqual([null]);
      expect(telemetry.started()).toBe(0);
    });
  });

  group(`msw listening ${order}`, () => {
    beforeEach(() => {
      if (order === "before") listen();
    });
    afterEach(close);

    it("traces wrapFetch() of the platform's fetch, which is mocked only if msw has replaced it by then", async () => {
      // A server of its own, because msw still intercepts warm sockets.
      const fresh = await serve({ "/captured": ROUTES["/ok"]! });
      const found = fetch;
      const traced = wrapFetch(found);
      if (order === "after") listen();
      const body = order === "before" ? "mocked" : "hello"; // msw does not intercept a function that was captured before it listens
      expect(await (await found(`${fresh.url}/captured`)).text()).toBe(body);
      expect(await (await traced(`${fresh.url}/captured`)).text()).toBe(body);
      expect(attributesOf(await only())).toMatchObject({ "url.full": `${fresh.url}/captured`, "http.response.status_code": 200 });
      await fresh.close();
    });

    it("traces an undici dispatcher, which msw does not intercept", async () => {
      const agent = new Agent();
      const dispatcher = agent.compose(traceInterceptor());
      if (order === "after") listen();
      for (const each of [agent, dispatcher]) {
        const { body } = await undiciRequest(`${server.url}/captured`, { dispatcher: each });
        expect(await body.text()).toBe("hello");
      }
      expect(server.values("traceparent")).toEqual([traceparentOf(await only())]);
      await agent.close();
    });

    it("restores the platform's fetch when both are undone", async () => {
      const fetchers = MOCKED.find(({ name }) => name === "instrumentFetch")!;
      const { undo } = fetchers.instrument();
      if (order === "after") listen();
      if (order === "before") undo?.();
      close();
      if (order === "after") undo?.();
      expect(Object.getOwnPropertyDescriptor(globalThis, "fetch")).toEqual(platform);
      listen();
    });
  });
}
