import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { Agent, request as undiciRequest } from "undici";
import { afterAll, afterEach, beforeAll, beforeEach, describe as group, expect, test } from "vitest";
import { wrapFetch } from "../../src/fetch.ts";
import { traceInterceptor } from "../../src/undici.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { AGENT, mockAgents } from "./agents.ts";
import { MOCKED } from "./clients.ts";
import type { Client } from "./clients.ts";

/** What a call came to, as far as an application can tell. */
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

/** The attributes of a span, without those that a socket of msw's tells now and then. */
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

/** What holds with msw beneath or around us. @param order when msw begins to listen: before or after the client is instrumented. */
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

  group.each(MOCKED)(`msw listening ${order} $name`, ({ name, plain, instrument, networkError, tellsCuts }) => {
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

    test("a mocked agent sees one traceparent, that of the one CLIENT span", async () => {
      const { status, body } = await inSpan("agent", () => client.send(`${AGENT}/card?a=1`));
      expect([status, JSON.parse(body)]).toEqual([200, { name: "mocked" }]);
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

    test("what is posted arrives whole", async () => {
      const body = "x".repeat(100_000);
      expect(await client.send(`${AGENT}/echo`, { method: "POST", body })).toEqual({ status: 200, body });
      expect(attributesOf(await only())).toEqual(expected("/echo", { "http.request.method": "POST" }));
    });

    test("500 arrives as without us, and is an error named by the status", async () => {
      const call = ({ send }: Client): Promise<unknown> => send(`${AGENT}/500`);
      const bare = await without(call);
      expect(await outcome(call(client))).toEqual(bare);
      const span = await only();
      expect(shapeOf(span)).toMatchObject({ status: SpanStatusCode.ERROR, events: [] });
      expect(attributesOf(span)).toEqual(expected("/500", { "http.response.status_code": 500, "error.type": "500" }));
    });

    test("a network error arrives as without us, and is an error with the exception", async () => {
      const call = ({ send }: Client): Promise<unknown> => send(`${AGENT}/error`);
      const bare = await without(call);
      expect(await outcome(call(client))).toEqual(bare);
      const span = await only();
      expect(shapeOf(span)).toMatchObject({ status: SpanStatusCode.ERROR, events: ["exception"] });
      const { "http.response.status_code": _, ...attributes } = expected("/error", { "error.type": networkError });
      expect(attributesOf(span)).toEqual(attributes);
      expect(span.events[0]?.attributes?.["exception.message"]).toMatch(/network error|fetch failed/i);
    });

    test("a stream arrives as it is sent, and the span ends with its last byte", async () => {
      const chunks = (await client.events(`${AGENT}/gated`))[Symbol.asyncIterator]();
      expect(Buffer.from((await chunks.next()).value as Uint8Array).toString()).toBe("data: first\n\n");
      expect(telemetry.own()).toEqual([]);
      agents.open();
      expect(await text({ [Symbol.asyncIterator]: () => chunks })).toBe("data: last\n\n");
      expect(shapeOf(await only())).toMatchObject({ status: SpanStatusCode.UNSET, events: [] });
    });

    test("a stream that is left ends the span, and is no error", async () => {
      // eslint-disable-next-line no-unreachable-loop -- it is left on purpose
      for await (const _ of await client.events(`${AGENT}/endless`)) break;
      const span = await only();
      expect(shapeOf(span)).toMatchObject({ status: SpanStatusCode.UNSET, events: [] });
      expect(attributesOf(span)).toEqual(expected("/endless"));
    });

    test("a stream that is cut is what the client takes it for", async () => {
      const call = async ({ events }: Client): Promise<unknown> => text(await events(`${AGENT}/cut`));
      const bare = await without(call);
      expect(await outcome(call(client))).toEqual(bare);
      expect(shapeOf(await only()).status).toBe(tellsCuts ? SpanStatusCode.ERROR : SpanStatusCode.UNSET);
    });

    test("an abort while the agent thinks arrives as without us, and is no error", async () => {
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

    test("a handler that calls on makes a call of its own, and its spans live", async () => {
      // A host for each: on a warm socket a handler may run in the context of the call that opened it.
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

    test.each(["/passed", "/ok"])("%s is let through to a real server, as one call", async (path) => {
      expect((await inSpan("agent", () => client.send(server.url + path))).body).toBe("hello");
      const span = await only();
      expect(server.values("traceparent")).toEqual([traceparentOf(span)]);
      expect(attributesOf(span)).toMatchObject({ "url.full": server.url + path, "http.response.status_code": 200 });
    });

    test("ten calls in flight at once each hang under their own parent", async () => {
      await Promise.all(Array.from({ length: 10 }, (_, i) => inSpan(`agent ${i}`, () => client.send(`${AGENT}/card?n=${i}`))));
      const own = await telemetry.ended(10);
      await telemetry.settled();
      expect(new Set(seen)).toEqual(new Set(own.map(traceparentOf)));
      for (const span of own) {
        const parent = telemetry.spans().find((other) => other.spanContext().spanId === span.parentSpanContext?.spanId);
        expect(parent?.name).toBe(`agent ${String(span.attributes["url.full"]).split("=")[1]}`);
      }
    });

    test("when msw closes, calls go on as without us", async () => {
      close();
      try {
        const result = await outcome(client.send(`${server.url}/ok`));
        await telemetry.settled();
        // msw puts back the fetch that it found, and so takes off what was put on above it.
        expect(telemetry.own()).toHaveLength(order === "before" && name === "instrumentFetch" ? 0 : 1);
        // axios over fetch fails: it has kept the Request of msw's that was global.
        expect(result).toEqual(await outcome(plain().send(`${server.url}/ok`)));
      } finally {
        listen();
      }
    });

    test("to undo leaves msw in place", async ({ skip }) => {
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

    test("wrapFetch of the platform's own fetch: mocked if msw has replaced that by then", async () => {
      // A server of its own, for msw keeps its hands on warm sockets.
      const fresh = await serve({ "/captured": ROUTES["/ok"]! });
      const found = fetch;
      const traced = wrapFetch(found);
      if (order === "after") listen();
      const body = order === "before" ? "mocked" : "hello"; // msw looks at no function that was taken before it listens
      expect(await (await found(`${fresh.url}/captured`)).text()).toBe(body);
      expect(await (await traced(`${fresh.url}/captured`)).text()).toBe(body);
      expect(attributesOf(await only())).toMatchObject({ "url.full": `${fresh.url}/captured`, "http.response.status_code": 200 });
      await fresh.close();
    });

    test("a dispatcher of undici's goes to the real server, traced: msw looks at fetch and node:http alone", async () => {
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

    test("both gone, the global fetch is the platform's", async () => {
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
