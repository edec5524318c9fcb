import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { remainingCalls } from "./support/active-calls.ts";
import { CLIENTS } from "./support/clients.ts";
import type { Call, ClientUnderTest } from "./support/clients.ts";
import { ROUTES, serve } from "./support/server.ts";
import type { TestServer } from "./support/server.ts";
import { clearGlobals, shapeOf, inSpan, startTelemetry, traceparentOf, until } from "./support/telemetry.ts";
import type { TestTelemetry, TestTelemetryOptions } from "./support/telemetry.ts";

let server: TestServer;
let busy = 0;

beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/busy": (_, response) => void response.writeHead(busy-- > 0 ? 503 : 200).end("at last"),
  });
});
afterAll(() => server.close());

/** What a row's check receives. */
interface Fixture {
  client: ClientUnderTest;
  /** A call through the traced client. */
  call: Call;
  telemetry: TestTelemetry;
}

interface Row {
  behaviour: string;
  check: (bench: Fixture) => Promise<void>;
  sdk?: TestTelemetryOptions | "none";
  /** Clients that cannot have the behaviour, what they do instead, and the check of that. */
  except?: Partial<Record<ClientUnderTest["name"], { instead: string; check: (bench: Fixture) => Promise<void> }>>;
}

const REMOTE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const attributesOf = (url: string, more: object = {}): object => ({
  "http.request.method": "GET",
  "server.address": "127.0.0.1",
  "server.port": server.port,
  "url.full": url,
  "http.response.status_code": 200,
  ...more,
});

/** The attributes of a span, without those of the connection, which not every client records. */
function withoutConnection(attributes: object): object {
  const {
    "network.peer.address": _,
    "network.peer.port": __,
    "network.protocol.version": ___,
    ...rest
  } = attributes as Record<string, unknown>;
  return rest;
}

async function failure(promise: Promise<unknown>): Promise<{ name: unknown; code: unknown; message: unknown; cause: unknown }> {
  const error = await promise.then(
    () => expect.fail("the call did not fail"),
    (reason: unknown) => reason as Error & { code?: unknown },
  );
  return { name: error.name, code: error.code, message: error.message, cause: (error.cause as Error | undefined)?.message };
}

async function* generator(onChunk: () => void): AsyncGenerator<Uint8Array> {
  for (const chunk of ["one ", "two ", "three"]) {
    onChunk();
    yield Buffer.from(chunk);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const ROWS: Row[] = [
  {
    behaviour: "records one CLIENT span below the active span and sends its traceparent",
    check: async ({ call, telemetry }) => {
      const url = `${server.url}/ok?a=1&sig=secret`;
      expect(await inSpan("agent", () => call(url))).toEqual({ status: 200, body: "hello" });
      const [span] = await telemetry.ended(1);
      const { name, kind, status, attributes, events } = shapeOf(span!);
      expect({ name, kind, status, events }).toEqual({
        name: "GET",
        kind: SpanKind.CLIENT,
        status: SpanStatusCode.UNSET,
        events: [],
      });
      expect(withoutConnection(attributes)).toEqual(attributesOf(`${server.url}/ok?a=1&sig=REDACTED`));
      expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
      await until(() => telemetry.spans().length === 2);
      expect(span!.parentSpanContext?.spanId).toBe(
        telemetry
          .spans()
          .find((other) => other.name === "agent")!
          .spanContext().spanId,
      );
    },
  },
  ...[404, 500].map((code) => ({
    behaviour: `records status ${code} as an error without an exception event`,
    check: async ({ call, telemetry }: Fixture) => {
      const url = `${server.url}/${code === 404 ? "missing" : "broken"}`;
      expect((await call(url)).status).toBe(code);
      const { status, attributes, events } = shapeOf((await telemetry.ended(1))[0]!);
      expect({ status, events }).toEqual({ status: SpanStatusCode.ERROR, events: [] });
      expect(withoutConnection(attributes)).toEqual(
        attributesOf(url, { "http.response.status_code": code, "error.type": String(code) }),
      );
    },
  })),
  {
    behaviour: "fails on a refused connection as without the library and records its code and an exception",
    check: async ({ client, call, telemetry }) => {
      const closed = await serve({});
      await closed.close();
      expect(await failure(call(closed.url))).toEqual(await failure(client.plain(closed.url)));
      const { status, attributes, events } = shapeOf((await telemetry.ended(1))[0]!);
      expect({ status, events }).toEqual({ status: SpanStatusCode.ERROR, events: ["exception"] });
      expect(attributes).toMatchObject({ "error.type": "ECONNREFUSED", "server.port": closed.port });
      expect(attributes).not.toHaveProperty("http.response.status_code");
    },
  },
  {
    behaviour: "rejects as without the library on an abort before the response and records no error",
    check: async ({ client, call, telemetry }) => {
      const failWhenReceived = async (send: Call): Promise<unknown> => {
        const controller = new AbortController();
        const failed = failure(send(`${server.url}/stall`, { signal: controller.signal }));
        const before = server.requests.length;
        await until(() => server.requests.length > before);
        controller.abort();
        return failed;
      };
      expect(await failWhenReceived(call)).toEqual(await failWhenReceived(client.plain));
      const { status, attributes } = shapeOf((await telemetry.ended(1))[0]!);
      expect(status).toBe(SpanStatusCode.UNSET);
      expect(attributes).not.toHaveProperty("error.type");
    },
  },
  {
    behaviour: "records no error on an abort in the middle of the body",
    check: async ({ call, telemetry }) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 80);
      await failure(call(`${server.url}/endless`, { signal: controller.signal }));
      const { status, attributes } = shapeOf((await telemetry.ended(1))[0]!);
      expect(status).toBe(SpanStatusCode.UNSET);
      expect(attributes).not.toHaveProperty("error.type");
    },
  },
  {
    behaviour: "records the TimeoutError of AbortSignal.timeout()",
    check: async ({ call, telemetry }) => {
      await failure(call(`${server.url}/stall`, { signal: AbortSignal.timeout(30) }));
      const { status, attributes } = shapeOf((await telemetry.ended(1))[0]!);
      expect(status).toBe(SpanStatusCode.ERROR);
      expect(attributes).toMatchObject({ "error.type": "TimeoutError" });
    },
  },
  {
    behaviour: "fails on a truncated body as without the library and records an error",
    check: async ({ client, call, telemetry }) => {
      const url = `${server.url}/cut`;
      expect(await failure(call(url))).toEqual(await failure(client.plain(url)));
      const { status, attributes } = shapeOf((await telemetry.ended(1))[0]!);
      expect(status).toBe(SpanStatusCode.ERROR);
      expect(attributes["error.type"]).toMatch(/^(?:UND_ERR_SOCKET|ECONNRESET|ERR_BAD_RESPONSE|ECONNABORTED)$/);
    },
  },
  {
    behaviour: "records a span for each redirect hop under the same parent, each with its own traceparent",
    check: async ({ call, telemetry }) => {
      expect((await inSpan("agent", () => call(`${server.url}/redirect`))).body).toBe("hello");
      const [first, second] = await telemetry.ended(2);
      expect(withoutConnection(shapeOf(first!).attributes)).toEqual(
        attributesOf(`${server.url}/redirect`, { "http.response.status_code": 302 }),
      );
      expect(withoutConnection(shapeOf(second!).attributes)).toEqual(
        attributesOf(`${server.url}/ok`, { "http.request.resend_count": 1 }),
      );
      expect(first!.parentSpanContext).toEqual(second!.parentSpanContext);
      const [firstRequest, secondRequest] = server.requests.slice(-2);
      expect(server.values("traceparent", firstRequest)).toEqual([traceparentOf(first!)]);
      expect(server.values("traceparent", secondRequest)).toEqual([traceparentOf(second!)]);
    },
  },
  {
    behaviour: "records a retry after a 503 as another attempt under the same parent",
    check: async ({ client, telemetry }) => {
      busy = 1;
      expect((await inSpan("agent", () => client.retrying!()(`${server.url}/busy`))).body).toBe("at last");
      const [first, second] = await telemetry.ended(2);
      const url = `${server.url}/busy`;
      expect(withoutConnection(shapeOf(first!).attributes)).toEqual(
        attributesOf(url, { "http.response.status_code": 503, "error.type": "503" }),
      );
      expect(withoutConnection(shapeOf(second!).attributes)).toEqual(attributesOf(url, { "http.request.resend_count": 1 }));
      expect(first!.parentSpanContext).toEqual(second!.parentSpanContext);
      expect(server.values("traceparent")).toEqual([traceparentOf(second!)]);
    },
    except: {
      fetch: {
        instead: "records a repeated call without a resend count, since fetch has no retries",
        check: async ({ call, telemetry }) => {
          busy = 1;
          for (const status of [503, 200]) expect((await call(`${server.url}/busy`)).status).toBe(status);
          for (const span of await telemetry.ended(2)) expect(span.attributes).not.toHaveProperty("http.request.resend_count");
        },
      },
    },
  },
  {
    behaviour: "delivers a large response completely and records it",
    check: async ({ call, telemetry }) => {
      expect((await call(`${server.url}/large`)).body).toHaveLength(5_000_000);
      expect(withoutConnection((await telemetry.ended(1))[0]!.attributes)).toEqual(attributesOf(`${server.url}/large`));
    },
  },
  {
    behaviour: "sends a streamed request body completely and keeps the application's spans of its generator",
    check: async ({ call, telemetry }) => {
      const body = generator(() => trace.getTracer("application").startSpan("chunk").end());
      const headers = { "content-type": "text/plain" };
      expect((await inSpan("agent", () => call(`${server.url}/echo`, { method: "POST", headers, body }))).body).toBe(
        "one two three",
      );
      const [span] = await telemetry.ended(1);
      const chunks = telemetry.spans().filter((other) => other.name === "chunk");
      expect(chunks).toHaveLength(3);
      for (const chunk of chunks) expect(chunk.spanContext().traceId).toBe(span!.spanContext().traceId);
    },
  },
  {
    behaviour:
      "sends headers of every shape, does not mutate them and replaces the caller's propagation headers in any letter case",
    check: async ({ client, call, telemetry }) => {
      for (const [shape, make] of Object.entries(client.shapes)) {
        telemetry.reset();
        const headers = make(Object.freeze({ "X-Agent": "a", TraceParent: REMOTE, tracestate: "other=1" }));
        const before = JSON.stringify([...entriesOf(headers)]);
        await inSpan("agent", () => call(`${server.url}/ok`, { headers }));
        await inSpan("agent", () => call(`${server.url}/ok`, { headers }));
        const [, second] = await telemetry.ended(2);
        expect(server.values("x-agent"), shape).toEqual(["a"]);
        expect(server.values("traceparent"), shape).toEqual([traceparentOf(second!)]);
        expect(server.values("tracestate"), shape).toEqual([]);
        expect(JSON.stringify([...entriesOf(headers)]), shape).toBe(before);
      }
    },
  },
  {
    behaviour: "uses the caller's traceparent header as the parent if no span is active",
    check: async ({ call, telemetry }) => {
      await call(`${server.url}/ok`, { headers: { traceparent: REMOTE, tracestate: "vendor=1" } });
      const [span] = await telemetry.ended(1);
      expect(span!.parentSpanContext).toMatchObject({ traceId: REMOTE.slice(3, 35), spanId: REMOTE.slice(36, 52), isRemote: true });
      expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
      expect(server.values("tracestate")).toEqual(["vendor=1"]);
    },
  },
  {
    behaviour: "merges the active baggage with the caller's baggage header",
    check: async ({ call }) => {
      const baggage = propagation.createBaggage({ user: { value: "active" }, tenant: { value: "a b" } });
      const headers = { baggage: "user=hand,extra=1" };
      await context.with(propagation.setBaggage(context.active(), baggage), () => call(`${server.url}/ok`, { headers }));
      expect(
        server
          .values("baggage")
          .flatMap((value) => value.split(","))
          .toSorted(),
      ).toEqual(["extra=1", "tenant=a%20b", "user=active"]);
    },
  },
  {
    behaviour: "records each of ten concurrent calls under its own parent",
    check: async ({ call, telemetry }) => {
      await Promise.all(Array.from({ length: 10 }, (_, i) => inSpan(`agent ${i}`, () => call(`${server.url}/ok?n=${i}`))));
      const own = await telemetry.ended(10);
      await until(() => telemetry.spans().length === 20);
      for (let i = 0; i < 10; i++) {
        const parent = telemetry.spans().find((span) => span.name === `agent ${i}`)!;
        const child = own.find((span) => String(span.attributes["url.full"]).endsWith(`?n=${i}`))!;
        expect(child.parentSpanContext?.spanId).toBe(parent.spanContext().spanId);
      }
    },
  },
  {
    behaviour: "leaves the caller's active context unchanged",
    check: async ({ call }) => {
      await inSpan("agent", async () => {
        const before = context.active();
        const promise = call(`${server.url}/ok`);
        expect(context.active()).toBe(before);
        await promise;
        expect(context.active()).toBe(before);
      });
    },
  },
  {
    behaviour: "records one span and sends one traceparent if the client is instrumented twice",
    check: async ({ client, telemetry }) => {
      await inSpan("agent", () => client.traced(undefined, 2)(`${server.url}/ok`));
      await telemetry.settled();
      const own = telemetry.own();
      expect(own).toHaveLength(1);
      expect(server.values("traceparent")).toEqual([traceparentOf(own[0]!)]);
    },
  },
  {
    behaviour: "propagates the sampling decision of an unsampled call and records no span",
    sdk: { sampler: new AlwaysOffSampler() },
    check: async ({ call, telemetry }) => {
      await call(`${server.url}/ok`);
      expect(server.values("traceparent")).toEqual([expect.stringMatching(/^00-[\da-f]{32}-[\da-f]{16}-00$/)]);
      expect(telemetry.spans()).toEqual([]);
    },
  },
  {
    behaviour: "neither traces nor changes a suppressed call",
    check: async ({ call, telemetry }) => {
      await context.with(suppressTracing(context.active()), () => call(`${server.url}/ok`));
      expect(server.values("traceparent")).toEqual([]);
      expect(telemetry.started()).toBe(0);
    },
  },
  {
    behaviour: "forwards the incoming context without an SDK",
    sdk: "none",
    check: async ({ call }) => {
      const { setupPropagation } = await import("../src/setup.ts");
      setupPropagation();
      const { extractTraceContext } = await import("../src/index.ts");
      const incoming = extractTraceContext({ traceparent: REMOTE, tracestate: "vendor=1", baggage: "user=1" }, ROOT_CONTEXT);
      await context.with(incoming, () => call(`${server.url}/ok`));
      expect(server.values("traceparent")).toEqual([REMOTE]);
      expect(server.values("tracestate")).toEqual(["vendor=1"]);
      expect(server.values("baggage")).toEqual(["user=1"]);
    },
  },
  {
    behaviour: "passes the span to hooks and sends the request if they throw",
    check: async ({ client, telemetry }) => {
      const fail = (): never => {
        throw new Error("thrown by a hook");
      };
      const seen = client.traced({
        urlTemplate: () => "/{path}",
        startSpanHook: () => ({ "agent.name": "researcher" }),
        requestHook: (span) => void span.setAttribute("agent.request", true),
        responseHook: (span) => void span.setAttribute("agent.response", true),
      });
      await seen(`${server.url}/ok`);
      const throwing = client.traced({
        ignoreRequestHook: fail,
        startSpanHook: fail,
        requestHook: fail,
        responseHook: fail,
        urlTemplate: fail,
      });
      expect((await throwing(`${server.url}/ok`)).status).toBe(200);
      const [first, second] = await telemetry.ended(2);
      expect(first!.name).toBe("GET /{path}");
      expect(withoutConnection(first!.attributes)).toEqual(
        attributesOf(`${server.url}/ok`, {
          "url.template": "/{path}",
          "agent.name": "researcher",
          "agent.request": true,
          "agent.response": true,
        }),
      );
      expect(withoutConnection(second!.attributes)).toEqual(attributesOf(`${server.url}/ok`));
    },
  },
  {
    behaviour: "neither traces nor changes an ignored call",
    check: async ({ client, telemetry }) => {
      await inSpan("agent", () => client.traced({ ignoreRequestHook: () => true })(`${server.url}/ok`));
      expect(server.values("traceparent")).toEqual([]);
      expect(telemetry.own()).toEqual([]);
    },
  },
  {
    behaviour: "records no span without a parent but sends baggage with requireParentforSpans",
    check: async ({ client, telemetry }) => {
      const baggage = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ user: { value: "1" } }));
      await context.with(baggage, () => client.traced({ requireParentforSpans: true })(`${server.url}/ok`));
      expect(server.values("baggage")).toEqual(["user=1"]);
      expect(telemetry.started()).toBe(0);
    },
  },
];

function entriesOf(headers: unknown): Iterable<unknown> {
  return Symbol.iterator in (headers as object) ? (headers as Iterable<unknown>) : Object.entries(headers as object);
}

describe.each(CLIENTS)("$name", (client) => {
  let telemetry: TestTelemetry;
  beforeEach(() => {
    clearGlobals();
    server.requests.length = 0;
  });
  afterEach(() => clearGlobals());

  const rows = ROWS.map(({ behaviour, check, sdk, except }) => {
    const exception = except?.[client.name];
    return { title: exception?.instead ?? behaviour, check: exception?.check ?? check, sdk };
  });
  it.each(rows)("$title", async ({ check, sdk }) => {
    if (sdk !== "none") telemetry = startTelemetry(sdk);
    await check({ client, call: client.traced(), telemetry });
    if (sdk !== "none") await telemetry.settled();
    expect(remainingCalls()).toEqual([]);
  });
});
