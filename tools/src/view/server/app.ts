import { Hono } from "hono";
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { methodNotAllowed } from "hono/method-not-allowed";
import { secureHeaders } from "hono/secure-headers";
import { streamSSE } from "hono/streaming";
import type { SSEStreamingApi } from "hono/streaming";
import { buildModel } from "../model/model.ts";
import { encodeTraces } from "../otlp/encode.ts";
import { contentPolicy, pageJson, renderLivePage, renderTracePage } from "../page/page.ts";
import type { Prices } from "../prices.ts";
import type { Store, StoredTrace } from "../store.ts";
import { MAX_BODY, Refusal, TOO_LARGE, answer, encodingOf, readBody, receiveTraces } from "./receive.ts";
import { createSummaries } from "./trace-list.ts";
import type { TraceList } from "./trace-list.ts";

/** The time in which several changes cause one event. */
const DEBOUNCE_MS = 150;
/** The interval of writes to idle connections, by which broken ones are detected. */
const HEARTBEAT_MS = 15_000;
const MAX_PAGES = 32;
/** The number of different refusals that are shown. */
const MAX_REFUSALS = 5;

/** The server's endpoints: for exporters, for the page, and for the page's requests. `close` ends the open event streams. */
export function createApp(store: Store, prices: Prices | undefined, log: (line: string) => void): { app: Hono; close: () => void } {
  const app = new Hono();
  const pages = new Set<SSEStreamingApi>();
  const refusals = new Map<string, number>();
  const summaries = createSummaries(prices);
  const send = (text: string): void => pages.forEach((page) => void page.write(text).catch(() => pages.delete(page)));

  let timer: NodeJS.Timeout | undefined;
  const changed = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      send("event: change\ndata: \n\n");
    }, DEBOUNCE_MS);
  };
  const unwatch = store.watch(changed);
  const heartbeat = setInterval(() => send(":\n\n"), HEARTBEAT_MS).unref();
  // Few people read their exporter's log, so the terminal and the page show refused exports too.
  const noteRefusal = (message: string): void => {
    const before = refusals.get(message) ?? 0;
    // The latest message is the last.
    refusals.delete(message);
    refusals.set(message, before + 1);
    const [oldest] = refusals.keys();
    if (refusals.size > MAX_REFUSALS && oldest !== undefined) refusals.delete(oldest);
    if (before === 0) log(`Refused an export: ${message}`);
    changed();
  };

  app.onError((error, context) => {
    // The rest of the body is not read.
    context.header("connection", "close");
    if (error instanceof Refusal) {
      if (context.req.path === "/v1/traces") noteRefusal(error.message);
      return answer(context, "Status", { message: error.message }, error.status);
    }
    log(`Failed to answer ${context.req.method} ${context.req.path}: ${String(error)}`);
    return answer(context, "Status", { message: "a2a-otel-cli view failed. The error is printed in its terminal." }, 500);
  });
  app.notFound((context) => {
    const message = `${context.req.path.slice(0, 200)} does not exist. Exports go to /v1/traces.`;
    return answer(context, "Status", { message }, 404);
  });
  app.use(secureHeaders({ xFrameOptions: "DENY", strictTransportSecurity: false }), noStore, admission);
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (context, methods) => {
        const allow = methods.join(", ");
        context.header("allow", allow);
        return answer(context, "Status", { message: `${context.req.path} accepts ${allow}.` }, 405);
      },
    }),
  );

  app.use(
    "/v1/*",
    nativeRequest,
    bodyLimit({
      maxSize: MAX_BODY,
      onError: () => {
        throw new Refusal(413, TOO_LARGE);
      },
    }),
  );
  app.post("/v1/traces", (context) => receiveTraces(context, store, noteRefusal));
  // Metrics and logs are discarded, so that an SDK that sends all signals to one endpoint logs no errors.
  app.post("/v1/:signal{metrics|logs}", async (context) => {
    await readBody(context);
    if (encodingOf(context) !== "protobuf") return context.json({});
    return context.body("", 200, { "content-type": "application/x-protobuf" });
  });

  app.get("/", (context) => html(context, renderLivePage(), contentPolicy(true)));
  app.get("/api/traces", (context) => {
    const list: TraceList = {
      traces: summaries(store),
      evicted: store.evicted(),
      refusals: [...refusals].map(([message, count]) => ({ message, count })),
    };
    return context.body(pageJson(list), 200, JSON_TYPE);
  });
  app.delete("/api/traces", (context) => {
    refusals.clear();
    store.clear();
    return context.json({});
  });
  app.get("/api/events", (context) => {
    if (context.req.method === "HEAD") return context.body("", 200, { "content-type": "text/event-stream" });
    if (pages.size >= MAX_PAGES) return answer(context, "Status", { message: "Too many pages are open." }, 503);
    return streamSSE(context, async (page) => {
      pages.add(page);
      // The delay before the page reconnects.
      await page.write("retry: 1000\n\n");
      await new Promise<void>((resolve) => page.onAbort(resolve));
      pages.delete(page);
    });
  });
  const withTrace =
    (serve: (context: Context, trace: StoredTrace) => Response) =>
    (context: Context): Response => {
      const trace = store.get((context.req.param("id") ?? "").replace(".html", ""));
      if (trace !== undefined) return serve(context, trace);
      return answer(context, "Status", { message: "No span of this trace was received, or the trace was evicted." }, 404);
    };
  app.get(
    "/api/traces/:id",
    withTrace((context, trace) => context.body(pageJson(buildModel(trace, prices)), 200, JSON_TYPE)),
  );
  app.get(
    "/api/traces/:id/otlp",
    withTrace((context, { traceId, spans }) => {
      context.header("content-disposition", `attachment; filename="trace-${traceId}.json"`);
      return context.json(encodeTraces(spans) as object);
    }),
  );
  app.get(
    "/traces/:id{[0-9a-f]+\\.html}",
    withTrace((context, trace) => {
      context.header("content-disposition", `attachment; filename="trace-${trace.traceId}.html"`);
      return html(context, renderTracePage(buildModel(trace, prices)), contentPolicy(false));
    }),
  );

  const close = (): void => {
    unwatch();
    clearTimeout(timer);
    clearInterval(heartbeat);
    for (const page of pages) page.abort();
  };
  return { app, close };
}

const JSON_TYPE = { "content-type": "application/json" };

function html(context: Context, page: string, policy: string): Response {
  context.header("content-security-policy", `${policy}; frame-ancestors 'none'`);
  // A HEAD request gets it too.
  context.header("content-length", String(Buffer.byteLength(page)));
  return context.body(page, 200, { "content-type": "text/html; charset=utf-8" });
}

/** `bodyLimit` copies the request, which only works with Node's own class as long as @hono/node-server does not replace that globally. */
const nativeRequest: MiddlewareHandler = async (context, next) => {
  const { method, headers, body } = context.req.raw;
  // The DOM's type does not have `duplex` yet.
  context.req.raw = new Request(context.req.url, { method, headers, body, duplex: "half" } as RequestInit);
  return next();
};

const noStore: MiddlewareHandler = async (context, next) => {
  await next();
  context.header("cache-control", "no-store");
};

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;
// Names by which a container reaches the loopback interface of its host. They cannot be registered in DNS.
const FROM_CONTAINER = /^(host\.docker\.internal|gateway\.docker\.internal|host\.containers\.internal)(:\d+)?$/i;

/**
 * Refuses requests that may not be served. The receiver listens on loopback, but a page of any site can send requests there from the developer's
 * browser: under its own host name, if that resolves to loopback (DNS rebinding), or across origins.
 */
const admission: MiddlewareHandler = async (context, next) => {
  const { host = "", origin, ...headers } = context.req.header();
  const isExport = context.req.path.startsWith("/v1/");
  const refuse = (message: string): Response => {
    context.header("connection", "close");
    return answer(context, "Status", { message }, 403);
  };
  if (!LOOPBACK.test(host) && !(isExport && FROM_CONTAINER.test(host))) {
    return refuse(
      `Requests to the host ${JSON.stringify(host.slice(0, 100))} are not served, only those to localhost or 127.0.0.1.`,
    );
  }
  if (origin !== undefined && origin !== `http://${host}`)
    return refuse(`Requests from pages of ${JSON.stringify(origin.slice(0, 100))} are not served.`);
  // A link on another site may lead here, but its scripts and images may not.
  if (headers["sec-fetch-site"] === "cross-site" && headers["sec-fetch-mode"] !== "navigate")
    return refuse("Requests from pages of other sites are not served.");
  return next();
};
