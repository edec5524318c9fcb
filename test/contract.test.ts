import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
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

/** What a row is given: a client with its call under test, an SDK, and the server. */
interface Bench {
  client: ClientUnderTest;
  call: Call;
  telemetry: TestTelemetry;
}

interface Row {
  behaviour: string;
  check: (bench: Bench) => Promise<void>;
  sdk?: TestTelemetryOptions | "none";
  /** Clients that cannot have the behaviour, and why; what they do instead is what is checked. */
  except?: Partial<Record<ClientUnderTest["name"], { because: string; check: (bench: Bench) => Promise<void> }>>;
}

const REMOTE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const expected = (url: string, more: object = {}): object => ({
  "http.request.method": "GET",
  "server.address": "127.0.0.1",
  "server.port": server.port,
  "url.full": url,
  "http.response.status_code": 200,
  ...more,
});

/** The attributes of a span, without those that a client tells only where they come without cost. */
function core(attributes: object): object {
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
    () => expect.fail("the call was to fail"),
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
    behaviour: "a call is one CLIENT span, child of the active span, and one traceparent that is its own",
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
      expect(core(attributes)).toEqual(expected(`${server.url}/ok?a=1&sig=REDACTED`));
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
    behaviour: `${code} is an error, named by the status, with no exception`,
    check: async ({ call, telemetry }: Bench) => {
      const url = `${server.url}/${code === 404 ? "missing" : "broken"}`;
      expect((await call(url)).status).toBe(code);
      const { status, attributes, events } = shapeOf((await telemetry.ended(1))[0]!);
      expect({ status, events }).toEqual({ status: SpanStatusCode.ERROR, events: [] });
      expect(core(attributes)).toEqual(expected(url, { "http.response.status_code": code, "error.type": String(code) }));
    },
  })),
  {
    behaviour: "a refused connection fails as without us, and is an error with its code and the exception",
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
    behaviour: "an abort before the response rejects as without us, and is no error",
    check: async ({ client, call, telemetry }) => {
      const abortSoon = (): AbortSignal => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(), 30);
        return controller.signal;
      };
      const url = `${server.url}/stall`;
      expect(await failure(call(url, { signal: abortSoon() }))).toEqual(await failure(client.plain(url, { signal: abortSoon() })));
      const { status, attributes } = shapeOf((await telemetry.ended(1))[0]!);
      expect(status).toBe(SpanStatusCode.UNSET);
      expect(attributes).not.toHaveProperty("error.type");
    },
  },
  {
    behaviour: "an abort in the middle of the body is no error, and keeps the status",
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
    behaviour: "AbortSignal.timeout is an error: TimeoutError",
    check: async ({ call, telemetry }) => {
      await failure(call(`${server.url}/stall`, { signal: AbortSignal.timeout(30) }));
      const { status, attributes } = shapeOf((await telemetry.ended(1))[0]!);
      expect(status).toBe(SpanStatusCode.ERROR);
      expect(attributes).toMatchObject({ "error.type": "TimeoutError" });
    },
  },
  {
    behaviour: "a body that is cut fails as without us, and is an error under a 200",
    check: async ({ client, call, telemetry }) => {
      const url = `${server.url}/cut`;
      expect(await failure(call(url))).toEqual(await failure(client.plain(url)));
      const { status, attributes } = shapeOf((await telemetry.ended(1))[0]!);
      expect(status).toBe(SpanStatusCode.ERROR);
      expect(attributes["error.type"]).toMatch(/^(?:UND_ERR_SOCKET|ECONNRESET|ERR_BAD_RESPONSE|ECONNABORTED)$/);
    },
  },
  {
    behaviour: "a redirect is a span for each hop, under the same parent, each with a traceparent of its own",
    check: async ({ call, telemetry }) => {
      expect((await inSpan("agent", () => call(`${server.url}/redirect`))).body).toBe("hello");
      const [first, second] = await telemetry.ended(2);
      expect(core(shapeOf(first!).attributes)).toEqual(expected(`${server.url}/redirect`, { "http.response.status_code": 302 }));
      expect(core(shapeOf(second!).attributes)).toEqual(expected(`${server.url}/ok`, { "http.request.resend_count": 1 }));
      expect(first!.parentSpanContext).toEqual(second!.parentSpanContext);
      expect(server.requests.slice(-2).map((request) => server.values("traceparent", request))).toEqual([
        [traceparentOf(first!)],
        [traceparentOf(second!)],
      ]);
    },
    except: {
      axios: {
        because: "follow-redirects hides the hops: one span for the call, with the URL first asked for",
        check: async ({ call, telemetry }) => {
          expect((await call(`${server.url}/redirect`)).body).toBe("hello");
          const [span] = await telemetry.ended(1);
          expect(core(shapeOf(span!).attributes)).toEqual(expected(`${server.url}/redirect`));
          expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
        },
      },
    },
  },
  {
    behaviour: "a retry after a 503 is an attempt of its own, under the same parent",
    check: async ({ client, telemetry }) => {
      busy = 1;
      expect((await inSpan("agent", () => client.retrying!()(`${server.url}/busy`))).body).toBe("at last");
      const [first, second] = await telemetry.ended(2);
      const url = `${server.url}/busy`;
      expect(core(shapeOf(first!).attributes)).toEqual(expected(url, { "http.response.status_code": 503, "error.type": "503" }));
      expect(core(shapeOf(second!).attributes)).toEqual(expected(url, { "http.request.resend_count": 1 }));
      expect(first!.parentSpanContext).toEqual(second!.parentSpanContext);
      expect(server.values("traceparent")).toEqual([traceparentOf(second!)]);
    },
    except: {
      fetch: {
        because: "fetch does not send again: whoever does so makes a new call",
        check: async ({ call, telemetry }) => {
          busy = 1;
          for (const status of [503, 200]) expect((await call(`${server.url}/busy`)).status).toBe(status);
          for (const span of await telemetry.ended(2)) expect(span.attributes).not.toHaveProperty("http.request.resend_count");
        },
      },
    },
  },
  {
    behaviour: "a large response arrives whole, and its span covers it",
    check: async ({ call, telemetry }) => {
      expect((await call(`${server.url}/large`)).body).toHaveLength(5_000_000);
      expect(core((await telemetry.ended(1))[0]!.attributes)).toEqual(expected(`${server.url}/large`));
    },
  },
  {
    behaviour: "a streamed request body arrives whole, and the application's spans in its generator live",
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
    behaviour: "headers arrive from every shape, are not changed, and one put in by hand is replaced in any letter case",
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
    behaviour: "with no active span a traceparent by hand is the parent",
    check: async ({ call, telemetry }) => {
      await call(`${server.url}/ok`, { headers: { traceparent: REMOTE, tracestate: "vendor=1" } });
      const [span] = await telemetry.ended(1);
      expect(span!.parentSpanContext).toMatchObject({ traceId: REMOTE.slice(3, 35), spanId: REMOTE.slice(36, 52), isRemote: true });
      expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
      expect(server.values("tracestate")).toEqual(["vendor=1"]);
    },
  },
  {
    behaviour: "baggage travels, and is merged with what is put in by hand",
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
    behaviour: "ten calls in flight at once each hang under their own parent",
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
    behaviour: "the caller's context is the same before, during and after",
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
    behaviour: "instrumented twice there is still one span and one traceparent",
    check: async ({ client, telemetry }) => {
      await inSpan("agent", () => client.traced(undefined, 2)(`${server.url}/ok`));
      await telemetry.settled();
      const own = telemetry.own();
      expect(own).toHaveLength(1);
      expect(server.values("traceparent")).toEqual([traceparentOf(own[0]!)]);
    },
  },
  {
    behaviour: "an unsampled call propagates the decision and leaves no span",
    sdk: { sampler: new AlwaysOffSampler() },
    check: async ({ call, telemetry }) => {
      await call(`${server.url}/ok`);
      expect(server.values("traceparent")).toEqual([expect.stringMatching(/^00-[\da-f]{32}-[\da-f]{16}-00$/)]);
      expect(telemetry.spans()).toEqual([]);
    },
  },
  {
    behaviour: "a suppressed call is neither traced nor changed",
    check: async ({ call, telemetry }) => {
      await context.with(suppressTracing(context.active()), () => call(`${server.url}/ok`));
      expect(server.values("traceparent")).toEqual([]);
      expect(telemetry.started()).toBe(0);
    },
  },
  {
    behaviour: "without an SDK what came in goes on",
    sdk: "none",
    check: async ({ call }) => {
      const { setupPropagation } = await import("../src/setup.ts");
      setupPropagation();
      const { extractTraceContext } = await import("../src/index.ts");
      const incoming = extractTraceContext({ traceparent: REMOTE, tracestate: "vendor=1", baggage: "user=1" }, ROOT_CONTEXT);
      await context.with(incoming, () => call(`${server.url}/ok`));
      expect(["traceparent", "tracestate", "baggage"].map((name) => server.values(name))).toEqual([
        [REMOTE],
        ["vendor=1"],
        ["user=1"],
      ]);
    },
  },
  {
    behaviour: "hooks see the span; one that throws costs nothing",
    check: async ({ client, telemetry }) => {
      const fail = (): never => {
        throw new Error("a hook of the user's");
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
      expect(core(first!.attributes)).toEqual(
        expected(`${server.url}/ok`, {
          "url.template": "/{path}",
          "agent.name": "researcher",
          "agent.request": true,
          "agent.response": true,
        }),
      );
      expect(core(second!.attributes)).toEqual(expected(`${server.url}/ok`));
    },
  },
  {
    behaviour: "an ignored call is neither traced nor changed",
    check: async ({ client, telemetry }) => {
      await inSpan("agent", () => client.traced({ ignoreRequestHook: () => true })(`${server.url}/ok`));
      expect(server.values("traceparent")).toEqual([]);
      expect(telemetry.own()).toEqual([]);
    },
  },
  {
    behaviour: "requireParentforSpans: no span without a parent, but baggage travels",
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

  it.each(ROWS.map((row) => ({ ...row, ...row.except?.[client.name], exception: row.except?.[client.name]?.because })))(
    "$behaviour",
    async ({ check, sdk, exception }) => {
      expect(exception).not.toBe("");
      if (sdk !== "none") telemetry = startTelemetry(sdk);
      await check({ client, call: client.traced(), telemetry });
      if (sdk !== "none") await telemetry.settled();
    },
  );
});
