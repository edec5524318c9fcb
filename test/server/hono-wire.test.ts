import { once } from "node:events";
import { request as startRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceMiddleware, traceRequests } from "../../src/server/web.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { send } from "./client.ts";
import { serveWeb, streamFrom } from "./web.ts";
import type { WebServer } from "./web.ts";

type Fetch = Parameters<typeof serveWeb>[0];

let telemetry: TestTelemetry;
let server: WebServer;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await server.close();
  await telemetry.settled();
  await telemetry.stop();
  vi.restoreAllMocks();
});
const start = async (fetch: Fetch): Promise<void> => void (server = await serveWeb(fetch));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
async function* generated(failure?: Error): AsyncGenerator<Uint8Array> {
  yield bytes("a");
  await sleep(10);
  yield bytes("b");
  if (failure !== undefined) throw failure;
}

/** The headers in the order and letter case in which they were received, without `Date`, which changes every second. */
function headersOnWire({ rawHeaders }: IncomingMessage): string[] {
  const lines: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== "date") lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  }
  return lines;
}

/** Responses of all the kinds that `@hono/node-server` distinguishes. */
const responses = (): Hono => {
  const app = new Hono();
  app.get("/text", (c) => c.text("text"));
  app.get("/json", (c) => c.json({ a: 1 }, 201, { "X-Answer": "42" }));
  app.get("/cookies", (c) => {
    c.header("set-cookie", "a=1", { append: true });
    c.header("set-cookie", "b=2", { append: true });
    return c.html("<p>");
  });
  app.get("/empty", (c) => c.body(null, 204));
  app.get("/redirect", (c) => c.redirect("/text"));
  app.get("/bytes", () => new Response(bytes("bytes") as BodyInit));
  app.get("/blob", () => new Response(new Blob(["blob"], { type: "text/plain" })));
  app.get("/form", () => new Response(new URLSearchParams("a=1")));
  app.get("/length", () => new Response(streamFrom(generated()), { headers: { "content-length": "2" } }));
  app.get("/stream", () => new Response(streamFrom(generated())));
  app.get("/sse", (c) => streamSSE(c, (out) => out.writeSSE({ data: "x", id: "1" })));
  app.get("/clone", () => new Response("clone").clone());
  app.get("/nowhere-else", (c) => c.notFound());
  return app;
};
const PATHS = responses().routes.map(({ path }) => path);

describe("an instrumented handler sends the same bytes as without instrumentation", () => {
  const get = async (path: string, method = "GET"): Promise<unknown> => {
    const sent = startRequest(server.url + path, { method, agent: false }).end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    const body = (await response.setEncoding("latin1").toArray()).join("");
    return { status: `${response.statusCode} ${response.statusMessage}`, headers: headersOnWire(response), body };
  };
  it.each(PATHS.flatMap((path) => ["GET", "HEAD"].map((method) => [method, path])))("for %s %s", async (method = "", path = "") => {
    const got: unknown[] = [];
    const wrapper: Fetch = traceRequests(responses().fetch);
    const inner: Fetch = new Hono().use(traceMiddleware()).route("/", responses()).fetch;
    const plain: Fetch = new Hono().use((_, next) => next()).route("/", responses()).fetch;
    for (const fetch of [responses().fetch, wrapper, plain, inner]) {
      await start(fetch);
      got.push(await get(path, method));
      await server.close();
    }
    expect(got[1]).toEqual(got[0]);
    expect(got[3]).toEqual(got[2]);
    await telemetry.ended(2);
  });
});

it.each(["/text", "/json", "/cookies", "/empty", "/bytes", "/redirect"])(
  "keeps a complete body on the fast path of @hono/node-server: %s",
  async (path) => {
    const app = responses();
    let response: Response | undefined;
    await start(traceRequests(async (request: Request) => (response = await app.fetch(request))));
    await send(server.url + path);
    await telemetry.ended(1);
    expect(inspect(response)).toContain("nativeResponse: undefined");
  },
);
