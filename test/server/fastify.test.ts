import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import fastify from "fastify";
import type { FastifyInstance, RouteHandlerMethod } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { traceRequests } from "../../src/server/fastify.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";
import { SPAN_ID, TRACEPARENT, TRACE_ID, getAttributes, send } from "./client.ts";
import { listenTo, startApp } from "./fastify-app.ts";
import type { TestApp } from "./fastify-app.ts";

let telemetry: TestTelemetry;
let server: TestApp;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.stop();
});

const ok: RouteHandlerMethod = async () => "ok";

async function onlySpan(): Promise<SpanShape> {
  const [span] = await telemetry.ended(1);
  if (span === undefined) throw new Error("no span");
  return shapeOf(span);
}

it("records a whole span in the caller's trace", async () => {
  server = await startApp((app) => app.get("/items/:id", ok));
  const headers = { traceparent: TRACEPARENT, tracestate: "vendor=1", "user-agent": "agent/1.0" };
  expect((await send(`${server.url}/items/42?a=1&sig=secret`, { headers })).body).toBe("ok");
  const [span] = await telemetry.ended(1);
  expect(span?.parentSpanContext).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID, isRemote: true });
  expect(span?.spanContext().traceState?.serialize()).toBe("vendor=1");
  expect(await onlySpan()).toEqual({
    name: "GET /items/:id",
    kind: SpanKind.SERVER,
    status: SpanStatusCode.UNSET,
    attributes: getAttributes(server.port, "/items/42", {
      "http.route": "/items/:id",
      "url.query": "a=1&sig=REDACTED",
      "user_agent.original": "agent/1.0",
    }),
    events: [],
  });
});

/** An application with many kinds of routes. */
async function routes(app: FastifyInstance): Promise<void> {
  app.get("/", ok);
  app.get("/items/:id", ok);
  app.get("/files/*", ok);
  app.get("/numbers/:id(^\\d+$)", ok);
  app.get("/at/:hour(^\\d{2})h:minute(^\\d{2})m", ok);
  app.get("/optional/:id?", ok);
  app.route({ method: ["GET", "POST"], url: "/both", handler: ok });
  app.all("/any", ok);
  app.get("/versions", { constraints: { version: "2.0.0" } }, ok);
  app.get("/hosts", { constraints: { host: "agents.example" } }, ok);
  app.get("/gone/:id", (_, reply) => reply.callNotFound());
  app.head("/heads/:id", ok);
  app.register(
    async (api) => {
      api.get("/", ok);
      api.get("/items/:id", ok);
      api.setNotFoundHandler(async (_, reply) => reply.code(404).send("not in the api"));
      api.register(async (tenant) => void tenant.get("/tasks/:task", ok), { prefix: "/tenants/:tenant" });
    },
    { prefix: "/api" },
  );
}

describe("http.route and the span's name", () => {
  it.each<[string, string | undefined, { method?: string; headers?: Record<string, string>; status?: number }?]>([
    ["/", "/"],
    ["/items/42", "/items/:id"],
    ["/items/42?sig=1", "/items/:id"],
    ["/items/a%20b", "/items/:id"],
    ["/files/a/b/c.txt", "/files/*"],
    ["/numbers/7", "/numbers/:id(^\\d+$)"],
    ["/at/12h30m", "/at/:hour(^\\d{2})h:minute(^\\d{2})m"],
    ["/optional", "/optional/:id?"],
    ["/both", "/both", { method: "POST" }],
    ["/any", "/any", { method: "PUT" }],
    ["/versions", "/versions", { headers: { "accept-version": "2.x" } }],
    ["/hosts", "/hosts", { headers: { host: "agents.example" } }],
    ["/api", "/api"],
    ["/api/", "/api"],
    ["/api/items/42", "/api/items/:id"],
    ["/api/tenants/acme/tasks/1", "/api/tenants/:tenant/tasks/:task"],
    ["/gone/1", "/gone/:id", { status: 404 }],
    ["/items/42", "/items/:id", { method: "HEAD" }],
    ["/heads/42", "/heads/:id", { method: "HEAD" }],
    ["/nowhere", undefined, { status: 404 }],
    ["/api/nowhere", undefined, { status: 404 }],
    ["/versions", undefined, { headers: { "accept-version": "1.x" }, status: 404 }],
    ["/items/42", undefined, { method: "DELETE", status: 404 }],
    ["/nowhere", undefined, { method: "HEAD", status: 404 }],
  ])("of a request for %s: %s", async (path, route, { method = "GET", headers = {}, status = 200 } = {}) => {
    server = await startApp(routes);
    await send(server.url + path, { method, headers });
    const span = await onlySpan();
    expect(span.name).toBe(route === undefined ? method : `${method} ${route}`);
    expect(span.status).toBe(SpanStatusCode.UNSET);
    expect(span.attributes).toMatchObject({
      "http.request.method": method,
      "http.response.status_code": status,
      "url.path": path.replace(/\?.*/, ""),
    });
    expect(span.attributes["http.route"]).toBe(route);
  });

  it("are recorded for routes that were added before the plugin", async () => {
    const app = fastify().get("/early/:id", ok);
    app.register(async (child) => void child.get("/early/child/:id", ok));
    await app.register(traceRequests);
    server = await listenTo(app);
    await send(`${server.url}/early/1`);
    await send(`${server.url}/early/child/1`);
    expect((await telemetry.ended(2)).map(({ name }) => name)).toEqual(["GET /early/:id", "GET /early/child/:id"]);
  });

  it("are recorded only for the routes of the instance on which the plugin is registered", async () => {
    const app = fastify();
    app.register(async (child) => {
      child.register(traceRequests);
      child.get("/inside/:id", ok);
    });
    app.get("/outside/:id", ok);
    server = await listenTo(app);
    await send(`${server.url}/outside/1`);
    await send(`${server.url}/inside/1`);
    expect((await onlySpan()).name).toBe("GET /inside/:id");
  });

  it("are those of the rewritten URL, while url.path is that of the received URL", async () => {
    const rewriteUrl = ({ url = "" }: { url?: string | undefined }): string => url.replace("/v1", "");
    server = await startApp(routes, {}, { rewriteUrl });
    await send(`${server.url}/v1/items/42?a=1`);
    expect(await onlySpan()).toMatchObject({
      name: "GET /items/:id",
      attributes: { "url.path": "/v1/items/42", "url.query": "a=1", "http.route": "/items/:id" },
    });
  });

  it("contain the route, after HTTP, for an unknown method", async () => {
    server = await startApp((app) => app.addHttpMethod("PROPFIND").route({ method: "PROPFIND", url: "/dav/:id", handler: ok }));
    await send(`${server.url}/dav/1`, { method: "PROPFIND" });
    const attributes = { "http.request.method": "_OTHER", "http.request.method_original": "PROPFIND", "http.route": "/dav/:id" };
    expect(await onlySpan()).toMatchObject({ name: "HTTP /dav/:id", attributes });
  });
});

class ModelError extends Error {
  readonly code = "E_MODEL";
}

const schema = { body: { type: "object", required: ["id"], properties: { id: { type: "integer" } } } };

/** Routes that fail in different ways. */
function failing(app: FastifyInstance): void {
  app.get("/throws/:id", () => {
    throw new ModelError("of the model");
  });
  app.get("/rejects/:id", async () => Promise.reject(new ModelError("of the model")));
  app.get("/sends/:id", (_, reply) => reply.send(new ModelError("of the model")));
  app.get("/unavailable/:id", async () => Promise.reject(Object.assign(new ModelError("of the model"), { statusCode: 503 })));
  app.get("/answers/:id", (_, reply) => reply.code(500).send("no"));
  app.get("/forbidden/:id", async () => Promise.reject(Object.assign(new ModelError("of the model"), { statusCode: 403 })));
  app.post("/validates/:id", { schema }, ok);
  for (const name of ["onRequest", "preParsing", "preValidation", "preHandler", "preSerialization", "onSend"] as const) {
    app.get(`/${name}/:id`, { [name]: async () => Promise.reject(new ModelError("of a hook")) }, async () => ({ a: 1 }));
  }
}

const failed = (status: number, message?: string): object => ({
  status: SpanStatusCode.ERROR,
  attributes: { "http.response.status_code": status, "error.type": String(status) },
  events: message === undefined ? [] : [{ name: "exception", attributes: { "exception.message": message } }],
});
const fine = (status: number): object => ({
  status: SpanStatusCode.UNSET,
  attributes: { "http.response.status_code": status },
  events: [],
});

async function outcome(path: string): Promise<object> {
  const [, name = ""] = path.split("/");
  const body = name === "validates" ? { method: "POST", headers: { "content-type": "application/json" }, body: '{"id":"x"}' } : {};
  await send(`${server.url}${path}/42`, body);
  const [span] = await telemetry.ended(1);
  expect(span?.attributes["http.route"]).toBe(`${path}/:id`);
  expect(span?.name).toBe(`${name === "validates" ? "POST" : "GET"} ${path}/:id`);
  const { "http.response.status_code": status, "error.type": type } = span?.attributes ?? {};
  return {
    status: span?.status.code,
    attributes: { "http.response.status_code": status, ...(type !== undefined && { "error.type": type }) },
    events: span?.events.map((event) => ({
      name: event.name,
      attributes: { "exception.message": event.attributes?.["exception.message"] },
    })),
  };
}

describe("a 5xx is an error, with the exception that caused it", () => {
  it.each<[string, object]>([
    ["/throws", failed(500, "of the model")],
    ["/rejects", failed(500, "of the model")],
    ["/sends", failed(500, "of the model")],
    ["/unavailable", failed(503, "of the model")],
    ["/answers", failed(500)],
    ["/forbidden", fine(403)],
    ["/validates", fine(400)],
    ["/onRequest", failed(500, "of a hook")],
    ["/preParsing", failed(500, "of a hook")],
    ["/preValidation", failed(500, "of a hook")],
    ["/preHandler", failed(500, "of a hook")],
    ["/preSerialization", failed(500, "of a hook")],
    ["/onSend", failed(500, "of a hook")],
  ])("at %s", async (path, expected) => {
    server = await startApp(failing);
    expect(await outcome(path)).toEqual(expected);
  });

  it.each<[string, (app: FastifyInstance) => unknown, object]>([
    [
      "responds with 502",
      (app) => app.setErrorHandler((_, _request, reply) => reply.code(502).send("bad")),
      failed(502, "of the model"),
    ],
    ["responds with 409", (app) => app.setErrorHandler((_, _request, reply) => reply.code(409).send("no")), fine(409)],
    ["responds with 200", (app) => app.setErrorHandler(async (_, _request, reply) => reply.code(200).send("ok")), fine(200)],
    [
      "throws",
      (app) =>
        app.setErrorHandler(() => {
          throw new Error("of the handler");
        }),
      failed(500, "of the model"),
    ],
  ])("or not, with an error handler that %s", async (_, prepare, expected) => {
    server = await startApp((app) => {
      prepare(app);
      failing(app);
    });
    expect(await outcome("/rejects")).toEqual(expected);
  });

  it("runs the onError hooks of the application", async () => {
    const seen: unknown[] = [];
    server = await startApp((app) => {
      app.addHook("onError", async (request, _reply, error) => void seen.push(request.url, error.message));
      failing(app);
    });
    await outcome("/rejects");
    expect(seen).toEqual(["/rejects/42", "of the model"]);
  });

  it("redacts secrets in the exception's message", async () => {
    server = await startApp((app) =>
      app.get("/", async () => Promise.reject(new Error("no answer from https://user:pass@a.example/?sig=s3cret"))),
    );
    await send(server.url);
    const [span] = await telemetry.ended(1);
    const attributes = JSON.stringify(span?.events[0]?.attributes);
    expect(attributes).toContain("https://REDACTED:REDACTED@a.example/?sig=REDACTED");
    expect(attributes).not.toMatch(/user:pass|s3cret/);
  });
});
