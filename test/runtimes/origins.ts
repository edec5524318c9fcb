import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import type { Page } from "playwright-core";
import type { Check } from "../apps/checks.ts";
import { serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import type { Ask, Asked } from "./browser.ts";
import { within } from "./browser.ts";

const ORIGIN = { "access-control-allow-origin": "*" };
const ALLOWED = { "access-control-allow-headers": "traceparent, tracestate, baggage" };

/** Other origins as there are: one that any page may read, one that no page may, one that takes our headers. Each writes down what it is asked. */
interface Others {
  readonly readable: TestServer;
  readonly closed: TestServer;
  readonly welcoming: TestServer;
}

/** Which origins get what from a page: an origin that is asked for leave to send headers, and does not know of it, refuses the request itself. */
export async function verifyOrigins(page: Page, own: string, check: Check): Promise<void> {
  const answer = (response: ServerResponse, headers: Record<string, string>, status = 200): void =>
    void response.writeHead(status, headers).end("data");
  const others: Others = {
    readable: await serve({
      "*": (request, response) => answer(response, ORIGIN, request.method === "OPTIONS" ? 405 : 200),
      "/sandboxed": (_, response) =>
        void response
          .writeHead(200, { "content-type": "text/html", "content-security-policy": "sandbox allow-scripts" })
          .end(`<!doctype html><script src="${own}/page.js"></script>`),
    }),
    closed: await serve({ "*": (_, response) => answer(response, {}) }),
    welcoming: await serve({ "*": (_, response) => answer(response, { ...ORIGIN, ...ALLOWED }) }),
  };
  try {
    for (const [what, verify] of Object.entries(checks(page, own, others))) {
      await check(what, verify);
      // What one check has left behind is not the next one's.
      for (const server of Object.values(others) as TestServer[]) server.requests.length = 0;
    }
  } finally {
    await Promise.all(Object.values(others).map((server: TestServer) => server.close()));
  }
}

function checks(page: Page, own: string, { readable, closed, welcoming }: Others): Record<string, () => Promise<string | void>> {
  const ask = (...args: Ask): Promise<Asked> => within(page, "ask", args);
  const data = `${readable.url}/data`;
  const PLAIN = { status: 200, type: "cors", text: "data" };

  return {
    "without us: a traceparent to another origin is asked leave for, and refused": async () => {
      const headers = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
      assert.deepEqual(await ask(data, { headers }, { plain: true }), { error: "TypeError", spans: [] });
      assert.deepEqual(asked(readable), [["OPTIONS"]]);
    },
    "another origin: no headers, so nothing is asked leave for; the call has its span": async () => {
      const { spans, ...rest } = await ask(data);
      assert.deepEqual(rest, PLAIN);
      assert.deepEqual(asked(readable), [["GET"]]);
      assert.deepEqual(spans.map(withoutIds), [clientSpan(data)]);
    },
    "another origin, by the instrumented global fetch: likewise, a POST of text too": async () => {
      const { spans, ...rest } = await ask(data, { method: "POST", body: "text" }, { instrumented: true });
      assert.deepEqual(rest, PLAIN);
      assert.deepEqual(asked(readable), [["POST"]]);
      assert.deepEqual(spans.map(withoutIds), [clientSpan(data, {}, "POST")]);
    },
    "another origin that lets no page read: rejects as it does without us, and is an error": async () => {
      const url = `${closed.url}/data`;
      const { spans, ...rest } = await ask(url);
      assert.deepEqual(rest, { error: "TypeError" });
      assert.deepEqual(asked(closed), [["GET"]]);
      const attributes = { "http.response.status_code": undefined, "error.type": "TypeError" };
      assert.deepEqual(spans.map(withoutIds), [clientSpan(url, { status: "ERROR", attributes })]);
    },
    "a no-cors request, whose response is opaque, is no error": async () => {
      const url = `${closed.url}/data`;
      const { spans, ...rest } = await ask(url, { mode: "no-cors" });
      assert.deepEqual(rest, { status: 0, type: "opaque", text: "" });
      assert.deepEqual(asked(closed), [["GET"]]);
      assert.deepEqual(spans.map(withoutIds), [clientSpan(url, { attributes: { "http.response.status_code": undefined } })]);
    },
    "propagateTo: an origin that is named gets the headers, and is asked leave first": async () => {
      const url = `${welcoming.url}/data`;
      const { spans, ...rest } = await ask(url, {}, { options: { propagateTo: welcoming.url } });
      assert.deepEqual(rest, PLAIN);
      assert.deepEqual(asked(welcoming), [["OPTIONS"], ["GET", `00-${spans[0]?.traceId}-${spans[0]?.id}-01`]]);
      assert.deepEqual(spans.map(withoutIds), [clientSpan(url)]);
    },
    "propagateTo: the page's own origin gets none where it is not named": async () => {
      const { text } = await ask("/headers", {}, { options: { propagateTo: welcoming.url } });
      assert.equal((JSON.parse(text ?? "") as Record<string, unknown>)["traceparent"], undefined);
    },
    "a redirect to another origin keeps the headers, which propagateTo can keep out": async () => {
      const away = `${own}/away?to=${encodeURIComponent(data)}`;
      assert.equal((await ask(away)).error, "TypeError");
      assert.deepEqual(asked(readable), [["OPTIONS"]]);
      assert.equal((await ask(away, {}, { options: { propagateTo: [] } })).status, 200);
      assert.deepEqual(asked(readable), [["GET"]]);
    },
    "a worker of the page: the same for its own origin and others": async () => {
      const inWorker = (url: string): Promise<Asked> => page.evaluate(askInWorker, url);
      const { spans, text } = await inWorker(`${own}/headers`);
      const { traceparent } = JSON.parse(text ?? "") as Record<string, unknown>;
      assert.deepEqual(traceparent, [`00-${spans[0]?.traceId}-${spans[0]?.id}-01`]);
      const { spans: _, ...rest } = await inWorker(data);
      assert.deepEqual(rest, PLAIN);
      assert.deepEqual(asked(readable), [["GET"]]);
    },
    "a page's base decides what a relative address means": async () => {
      await page.evaluate((href) => document.head.append(Object.assign(document.createElement("base"), { href })), readable.url);
      const { spans, ...rest } = await ask("data");
      assert.deepEqual(rest, PLAIN);
      assert.deepEqual(asked(readable), [["GET"]]);
      assert.deepEqual(spans.map(withoutIds), [clientSpan(data)]);
    },
    "a sandboxed page has no origin of its own: its address is another one": async () => {
      await page.goto(`${readable.url}/sandboxed`);
      const { spans, ...rest } = await ask(data);
      assert.deepEqual(rest, PLAIN);
      assert.deepEqual(asked(readable), [["GET"]]);
      assert.equal(spans.length, 1);
    },
  };
}

/** Runs in the page. */
function askInWorker(url: string): Promise<Asked> {
  const worker = new Worker("/page.js");
  const answer = new Promise<Asked>((resolve) => worker.addEventListener("message", ({ data }) => resolve(data as Asked)));
  worker.postMessage([url], []);
  return answer.finally(() => worker.terminate());
}

/** The methods that a server was asked with since, each with what it got of the trace. */
function asked({ requests, values }: TestServer): string[][] {
  const names = ["traceparent", "tracestate", "baggage"];
  // A page also asks for its icon.
  const sent = requests.splice(0).filter(({ url }) => url === "/data");
  return sent.map((request) => [request.method, ...names.flatMap((name) => values(name, request))]);
}

type Span = Omit<Asked["spans"][number], "id" | "traceId">;

function withoutIds({ name, kind, status, attributes }: Asked["spans"][number]): Span {
  return { name, kind, status, attributes };
}

function clientSpan(url: string, more: Partial<Span> = {}, method = "GET"): Span {
  const { hostname, port } = new URL(url);
  const attributes = {
    "http.request.method": method,
    "http.response.status_code": 200,
    "server.address": hostname,
    "server.port": Number(port),
    "url.full": url,
    ...more.attributes,
  };
  const known = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return { name: method, kind: "CLIENT", status: "UNSET", ...more, attributes: Object.fromEntries(known) };
}
