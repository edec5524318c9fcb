import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import express from "express";
import type { ErrorRequestHandler, Express, RequestHandler } from "express";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { traceRequests } from "../../src/server/express.ts";
import { listen } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, getAttributes, send } from "./client.ts";

type Listener = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

let telemetry: TestTelemetry;
let server: TestServer;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.stop();
});

const ok: RequestHandler = (_, response) => void response.send("ok");
const fail: RequestHandler = () => {
  throw new TypeError("no");
};
const failLater: RequestHandler = async () => {
  await sleep(1);
  throw new TypeError("no");
};
const onward: RequestHandler = (_request, _response, next) => next();
const answerError: ErrorRequestHandler = (_error, _request, response, _next) => void response.status(502).send("bad");

/** An application with many kinds of routes and mounts. */
function routes(app: Express): void {
  app.get("/", ok);
  app.get("/items/:id", ok);
  app.get(/^\/pattern\/\d+$/, ok);
  app.get(["/one", "/two/:id"], ok);
  app.route("/both").get(ok).post(ok);
  app.all("/any", ok);
  app.get("/onward", onward);
  app.get("/throws/:id", fail);
  app.get("/rejects/:id", failLater);

  const items = express.Router();
  items.get("/", ok);
  items.get("/:id", ok);
  items.get("/:id/throws", fail);
  items.get("/:id/rejects", failLater);
  items.get("/:id/onward", onward);
  const api = express.Router();
  api.use("/items", items);
  api.get("/plain", ok);
  api.get("/message\\:send", ok);
  app.use("/api", api);
  app.use("/tenants/:tenant", express.Router().use("/items", items));
  app.use(express.Router().get("/unmounted/:id", ok));
  app.use("/sub", express().get("/app/:id", ok));
  app.use("/assets", ok);
}

async function start(make: (app: Express) => void = routes, last?: ErrorRequestHandler): Promise<void> {
  const app = express().set("env", "test").use(traceRequests());
  make(app);
  if (last !== undefined) app.use(last);
  server = await listen(app as RequestListener);
}

describe("http.route and the span's name", () => {
  it.each<[string, string | undefined, string?]>([
    ["/", "/"],
    ["/items/42", "/items/:id"],
    ["/items/42?sig=1", "/items/:id"],
    ["/pattern/7", "/^\\/pattern\\/\\d+$/"],
    ["/two/7", "/one|/two/:id"],
    ["/both", "/both", "POST"],
    ["/any", "/any", "PUT"],
    ["/api/plain", "/api/plain"],
    ["/api/message:send", "/api/message:send"],
    ["/api/items", "/api/items"],
    ["/api/items/", "/api/items"],
    ["/api/items/42", "/api/items/:id"],
    ["/tenants/acme/items", "/tenants/:tenant/items"],
    ["/tenants/acme/items/42", "/tenants/:tenant/items/:id"],
    ["/unmounted/42", "/unmounted/:id"],
    ["/sub/app/42", "/sub/app/:id"],
    ["/nowhere", undefined],
    ["/api/nowhere", undefined],
    ["/assets/logo.png", undefined],
  ])("of a request for %s", async (path, route, method = "GET") => {
    await start();
    await send(server.url + path, { method });
    const [span] = await telemetry.ended(1);
    expect(span?.attributes["http.route"]).toBe(route);
    expect(span?.name).toBe(route === undefined ? method : `${method} ${route}`);
    expect(span?.attributes["url.path"]).toBe(path.replace(/\?.*/, ""));
  });

  it.each([
    ["/throws/42", "/throws/:id"],
    ["/rejects/42", "/rejects/:id"],
    ["/api/items/42/throws", "/api/items/:id/throws"],
    ["/api/items/42/rejects", "/api/items/:id/rejects"],
    ["/tenants/acme/items/42/throws", "/tenants/:tenant/items/:id/throws"],
  ])("of a handler that fails, without and with an error handler: %s", async (path, route) => {
    await start();
    await send(server.url + path);
    await server.close();
    await start(routes, answerError);
    await send(server.url + path);
    const spans = await telemetry.ended(2);
    const failed = { kind: SpanKind.SERVER, status: SpanStatusCode.ERROR, events: [] };
    expect(spans.map((span) => [span.name, span.attributes["http.route"], span.attributes["error.type"]])).toEqual([
      [`GET ${route}`, route, "500"],
      [`GET ${route}`, route, "502"],
    ]);
    expect(spans.map(shapeOf)).toMatchObject([failed, failed]);
  });

  it.each([
    ["/onward", "/onward"],
    ["/api/items/42/onward", "/api/items/:id/onward"],
  ])("of a route whose handler calls next() without another handler: %s", async (path, route) => {
    await start();
    expect((await send(server.url + path)).status).toBe(404);
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toMatchObject({ name: `GET ${route}`, status: SpanStatusCode.UNSET });
    const attributes = { "http.response.status_code": 404, "http.route": route };
    expect(span?.attributes).toEqual(getAttributes(server.port, path, attributes));
  });
});

const traceOf = (): string | undefined => trace.getActiveSpan()?.spanContext().traceId;

async function* parts(beforePart: () => void): AsyncGenerator<string> {
  for (const part of ["a", "b", "c"]) {
    await sleep(10); // oxlint-disable-line no-await-in-loop -- one part after another
    beforePart();
    yield part;
  }
}

describe("the caller's context", () => {
  it("is active in middleware, body parsers, async handlers, error handlers and listeners", async () => {
    const seen: Record<string, string | undefined> = {};
    const note = (where: string): void => void (seen[where] = traceOf());
    await start(
      (app) => {
        app.use((_request, response, next) => {
          note("middleware");
          response.on("finish", () => note("finish"));
          next();
        });
        app.use(express.json());
        // oxlint-disable-next-line oxc/no-async-endpoint-handlers -- express 5 passes a rejection to the error handler
        app.post("/", async (request) => {
          note(`handler after ${JSON.stringify(request.body)}`);
          await sleep(1);
          note("await");
          throw new Error("to the error handler");
        });
      },
      (_error, _request, response, _next) => {
        note("error handler");
        response.sendStatus(500);
      },
    );
    const headers = { traceparent: TRACEPARENT, "content-type": "application/json" };
    await send(server.url, { method: "POST", headers, body: '{"a":1}' });
    expect(seen).toEqual({
      middleware: TRACE_ID,
      'handler after {"a":1}': TRACE_ID,
      await: TRACE_ID,
      "error handler": TRACE_ID,
      finish: TRACE_ID,
    });
  });

  it("is active until the end of a stream, as the span is", async () => {
    const seen: (string | undefined)[] = [];
    await start((app) => {
      app.get("/stream", (_, response) => {
        Readable.from(parts(() => seen.push(traceOf()))).pipe(response.type("text/event-stream"));
      });
    });
    expect((await send(`${server.url}/stream`, { headers: { traceparent: TRACEPARENT } })).body).toBe("abc");
    expect(seen).toEqual([TRACE_ID, TRACE_ID, TRACE_ID]);
    const [span] = await telemetry.ended(1);
    expect(span?.parentSpanContext?.spanId).toBe(SPAN_ID);
    expect(span && shapeOf(span)).toEqual({
      name: "GET /stream",
      kind: SpanKind.SERVER,
      status: SpanStatusCode.UNSET,
      attributes: getAttributes(server.port, "/stream", { "http.route": "/stream" }),
      events: [],
    });
  });
});

it("records the whole path if the middleware belongs to a router below a mount", async () => {
  server = await listen(express().use("/api", express.Router().use(traceRequests()).get("/items/:id", ok)) as RequestListener);
  await send(`${server.url}/api/items/1?a=1`);
  const [span] = await telemetry.ended(1);
  const route = { "http.route": "/api/items/:id", "url.query": "a=1" };
  expect(span && shapeOf(span)).toMatchObject({
    name: "GET /api/items/:id",
    attributes: getAttributes(server.port, "/api/items/1", route),
  });
});

it("works as connect middleware without express", async () => {
  const middleware = traceRequests();
  server = await listen((request, response) =>
    middleware(request, response, () => response.end(trace.getActiveSpan() ? "traced" : "")),
  );
  expect((await send(server.url)).body).toBe("traced");
  const [span] = await telemetry.ended(1);
  expect(span && shapeOf(span)).toMatchObject({ name: "GET", attributes: getAttributes(server.port, "/") });
});

it("records the path of a router without express, but no route if that router is mounted", async () => {
  const middleware = traceRequests();
  const router = express.Router().get("/items/:id", ok).use("/api", express.Router().get("/:id", ok));
  const answer: RequestHandler = (_, response) => void response.end();
  router.stack.forEach(({ route }) => route?.stack.forEach((layer) => (layer.handle = answer)));
  server = await listen((request, response) =>
    middleware(request, response, () => (router as unknown as Listener)(request, response, () => response.end())),
  );
  await send(`${server.url}/items/1`);
  const [span] = await telemetry.ended(1);
  expect(span && shapeOf(span)).toMatchObject({ name: "GET /items/:id", attributes: { "http.route": "/items/:id" } });
});

it("records no route for an app that is mounted at several paths", async () => {
  await start((app) => app.use(["/one", "/two"], express().get("/:id", ok)));
  await send(`${server.url}/one/1`);
  expect((await telemetry.ended(1))[0]?.name).toBe("GET");
});
