import { PassThrough, Transform } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { createGunzip, gzipSync } from "node:zlib";
import { context, propagation, trace } from "@opentelemetry/api";
import fastify from "fastify";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { traceRequests } from "../../src/server/fastify.ts";
import { startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { TRACEPARENT, TRACE_ID, send } from "./client.ts";
import { listenTo, startApp } from "./fastify-app.ts";
import type { TestApp } from "./fastify-app.ts";

let telemetry: TestTelemetry;
let server: TestApp;
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
const CALLERS_CONTEXT = `${TRACE_ID} alice`;
const HEADERS = { traceparent: TRACEPARENT, baggage: "who=alice" };

/** Serves one request, and returns the active contexts that were noted, by name. */
async function noted(
  routes: (app: FastifyInstance, note: (where: string) => void) => unknown,
  count: number,
  request: Parameters<typeof send>[1] = {},
): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  server = await startApp((app) => routes(app, (where) => void (seen[where] = active())));
  await send(server.url, { ...request, headers: { ...HEADERS, ...request.headers } });
  await until(() => Object.keys(seen).length >= count);
  return seen;
}

const inCallersContext = (...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, CALLERS_CONTEXT]));
const POST = { method: "POST", headers: { "content-type": "application/json" }, body: '{"a":1}' };

describe("the caller's context is active", () => {
  it("in every later hook, in the handler, and in everything that it awaits", async () => {
    const hooks = ["onRequest", "preParsing", "preValidation", "preHandler", "preSerialization", "onSend", "onResponse"] as const;
    const seen = await noted(
      (app, note) => {
        for (const hook of hooks) {
          app.addHook(hook as "onRequest", async () => {
            note(hook);
            await sleep(1);
            note(`${hook}, later`);
          });
        }
        app.post("/", async ({ body }) => {
          note(`handler after ${JSON.stringify(body)}`);
          await sleep(1);
          note("await");
          setTimeout(() => note("background"), 30);
          return { b: 1 };
        });
      },
      17,
      POST,
    );
    const all = hooks.flatMap((hook) => [hook, `${hook}, later`]);
    expect(seen).toEqual(inCallersContext(...all, 'handler after {"a":1}', "await", "background"));
  });

  it("in hooks with a callback, and in a handler that replies later", async () => {
    const seen = await noted((app, note) => {
      app.addHook("onRequest", (_request, _reply, done) => {
        note("onRequest");
        setTimeout(done, 1);
      });
      app.addHook("onSend", (_request, _reply, _payload, done) => {
        note("onSend");
        done();
      });
      app.get("/", (_, reply) => {
        note("handler");
        setTimeout(() => {
          note("timer");
          reply.send("ok");
        }, 1);
      });
    }, 4);
    expect(seen).toEqual(inCallersContext("onRequest", "handler", "timer", "onSend"));
  });

  it("in onError hooks and in error handlers", async () => {
    const seen = await noted((app, note) => {
      app.addHook("onError", async () => note("onError"));
      app.setErrorHandler(async (_error, _request, reply) => {
        note("error handler");
        return reply.code(500).send("no");
      });
      app.get("/", async () => {
        await sleep(1);
        throw new Error("no");
      });
    }, 2);
    expect(seen).toEqual(inCallersContext("onError", "error handler"));
  });

  it("in a not-found handler", async () => {
    const seen = await noted((app, note) => {
      app.setNotFoundHandler((_, reply) => {
        note("not found");
        reply.code(404).send("no");
      });
    }, 1);
    expect(seen).toEqual(inCallersContext("not found"));
  });

  it.each<[string, (app: FastifyInstance, note: (where: string) => void) => unknown]>([
    [
      "that receives the whole body",
      (app, note) =>
        app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => {
          note("parser");
          done(null, body.toString());
        }),
    ],
    [
      "that reads the stream itself",
      (app, note) =>
        app.addContentTypeParser("application/json", (_request, payload, done) => {
          let text = "";
          payload.on("data", (chunk: Buffer) => {
            note("data");
            text += chunk.toString();
          });
          payload.on("end", () => {
            note("parser");
            done(null, text);
          });
        }),
    ],
    [
      "that is async",
      (app, note) =>
        app.addContentTypeParser("application/json", async (_request: unknown, payload: AsyncIterable<Buffer>) => {
          let text = "";
          for await (const chunk of payload) text += chunk.toString();
          note("parser");
          return text;
        }),
    ],
  ])("in a content type parser %s, and in the handler", async (_, prepare) => {
    const seen = await noted(
      (app, note) => {
        prepare(app, note);
        app.post("/", async ({ body }) => note(`handler after ${String(body)}`));
      },
      2,
      POST,
    );
    expect(seen).toMatchObject(inCallersContext("parser", 'handler after {"a":1}'));
    expect(new Set(Object.values(seen))).toEqual(new Set([CALLERS_CONTEXT]));
  });

  it("after a preParsing hook that replaces the stream of the body", async () => {
    const seen = await noted(
      (app, note) => {
        app.addHook("preParsing", async (_request, _reply, payload) => {
          const upper = new Transform({
            transform: (chunk: Buffer, _encoding, done) => {
              note("transform");
              done(null, chunk);
            },
          });
          return payload.pipe(createGunzip()).pipe(upper).pipe(new PassThrough());
        });
        app.post("/", async ({ body }) => note(`handler after ${JSON.stringify(body)}`));
      },
      2,
      { ...POST, headers: { ...POST.headers, "transfer-encoding": "chunked" }, body: gzipSync(POST.body) as unknown as string },
    );
    expect(seen).toEqual(inCallersContext("transform", 'handler after {"a":1}'));
  });

  it("in listeners of the raw request and the raw response", async () => {
    const seen = await noted(
      (app, note) => {
        app.addHook("onRequest", (request, reply, done) => {
          request.raw.on("end", () => note("end"));
          request.raw.on("close", () => note("request close"));
          reply.raw.on("finish", () => note("finish"));
          reply.raw.on("close", () => note("close"));
          done();
        });
        app.post("/", async () => "ok");
      },
      4,
      POST,
    );
    expect(seen).toEqual(inCallersContext("end", "request close", "finish", "close"));
  });

  it("in onRequestAbort hooks", async () => {
    const seen: string[] = [];
    server = await startApp((app) => {
      app.addHook("onRequestAbort", async (_request) => void seen.push(active()));
      app.get("/", (request) => void setTimeout(() => request.raw.socket.destroy(), 5));
    });
    await send(server.url, { headers: HEADERS }).catch(() => {});
    await until(() => seen.length > 0);
    expect(seen).toEqual([CALLERS_CONTEXT]);
  });

  it("without an SDK too", async () => {
    trace.disable();
    const seen = await noted((app, note) => app.post("/", async () => note("handler")), 1, POST);
    expect(seen).toEqual(inCallersContext("handler"));
  });

  it("but not in a hook that was added before the plugin, whose context values are kept", async () => {
    const seen: Record<string, unknown> = {};
    const key = Symbol("tenant");
    const app = fastify();
    app.addHook("onRequest", (_request, _reply, done) => {
      seen["before"] = active();
      context.with(context.active().setValue(key, "acme"), done);
    });
    app.register(traceRequests);
    app.get("/", async () => void (seen["handler"] = [active(), context.active().getValue(key)]));
    server = await listenTo(app);
    await send(server.url, { headers: HEADERS });
    expect(seen).toEqual({ before: "none none", handler: [CALLERS_CONTEXT, "acme"] });
  });
});
