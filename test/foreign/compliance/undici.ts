import assert from "node:assert/strict";
import { Readable, Writable } from "node:stream";
import { Agent, Client, Pool, errors, interceptors } from "undici";
import type { Dispatcher } from "undici";
import { instrumentNode } from "../../../src/node.ts";
import { traceInterceptor } from "../../../src/undici.ts";
import type { Suite } from "./suite.ts";

/** Composes interceptors on a new dispatcher. */
type Make = (
  options?: { origin?: string; kind?: "Client" | "Pool" | "Agent" },
  ...more: Dispatcher.DispatcherComposeInterceptor[]
) => Dispatcher;

const make =
  (...first: Dispatcher.DispatcherComposeInterceptor[]): Make =>
  ({ origin = "", kind = "Agent" } = {}, ...more) => {
    const dispatcher = kind === "Agent" ? new Agent() : new (kind === "Client" ? Client : Pool)(origin);
    return [...first, ...more].length === 0 ? dispatcher : dispatcher.compose(...first, ...more);
  };
const get = (url: string, path: string): Dispatcher.RequestOptions => ({ origin: url, path, method: "GET" });

export const undiciSuite: Suite<Make> = {
  name: "undici",
  source: "undici's API documentation",
  plain: () => make(),
  variants: {
    "`traceInterceptor`": () => ({ subject: make(traceInterceptor()) }),
    "`instrumentNode`": () => ({ subject: make(), undo: instrumentNode() }),
  },
  checks: {
    "request() resolves with statusCode, headers and a body": async (agent, url) => {
      const { statusCode, headers, body } = await agent().request(get(url, "/json"));
      assert.deepEqual([statusCode, headers["content-type"], await body.json()], [200, "application/json", { answer: 42 }]);
    },
    "request() sends a query": async (agent, url) => {
      const { body } = await agent().request({ ...get(url, "/echo"), query: { a: "1", b: ["2", "3"] } });
      assert.equal(((await body.json()) as { url: string }).url, "/echo?a=1&b=2&b=3");
    },
    "request() sends flat header arrays": async (agent, url) => {
      const { body } = await agent().request({ ...get(url, "/echo"), headers: ["x-a", "1"] });
      assert.equal(((await body.json()) as { headers: Record<string, string> }).headers["x-a"], "1");
    },
    "request() sends a stream": async (agent, url) => {
      const { body } = await agent().request({ ...get(url, "/echo"), method: "POST", body: Readable.from(["a", "b"]) });
      assert.equal(((await body.json()) as { body: string }).body, "ab");
    },
    "request() takes a callback": async (agent, url) => {
      const status = await new Promise((resolve, reject) => {
        agent().request(get(url, "/json"), (error, data) => (error ? reject(error) : resolve(data.statusCode)));
      });
      assert.equal(status, 200);
    },
    "request() passes on opaque": async (agent, url) => {
      const opaque = { mine: true };
      const response = await agent().request({ ...get(url, "/json"), opaque });
      assert.equal(response.opaque, opaque);
      await response.body.dump();
    },
    "request() rejects with RequestAbortedError or the reason of the signal": async (agent, url) =>
      assert.rejects(() => agent().request({ ...get(url, "/stall"), signal: AbortSignal.timeout(20) }), { name: "TimeoutError" }),
    "request() rejects with HeadersTimeoutError": async (agent, url) =>
      assert.rejects(() => agent().request({ ...get(url, "/stall"), headersTimeout: 50 }), errors.HeadersTimeoutError),
    "request() refuses invalid arguments": async (agent, url) =>
      assert.rejects(() => agent().request({ ...get(url, "no-slash") }), errors.InvalidArgumentError),
    "request() rejects the body of a connection that is cut": async (agent, url) => {
      const { body } = await agent().request(get(url, "/cut"));
      await assert.rejects(() => body.text(), errors.SocketError);
    },
    "request() follows no redirects": async (agent, url) => {
      const { statusCode, body } = await agent().request(get(url, "/redirect"));
      await body.dump();
      assert.equal(statusCode, 302);
    },
    "stream() writes to the stream that the factory returns": async (agent, url) => {
      let text = "";
      const sink = (): Writable => new Writable({ write: (chunk, _, done) => ((text += String(chunk)), done()) });
      await agent().stream(get(url, "/chunks"), sink);
      assert.equal(text, "one,two");
    },
    "pipeline() is a duplex stream": async (agent, url) => {
      const duplex = agent().pipeline({ ...get(url, "/echo"), method: "POST" }, ({ body }) => body);
      duplex.end("text");
      assert.equal(JSON.parse(Buffer.concat(await duplex.toArray()).toString()).body, "text");
    },
    "the redirect interceptor follows redirects": async (agent, url) => {
      const { statusCode, context, body } = await agent({}, interceptors.redirect({ maxRedirections: 2 })).request(
        get(url, "/redirect"),
      );
      await body.dump();
      assert.equal(statusCode, 200);
      assert.deepEqual(
        (context as { history: URL[] }).history.map(({ pathname }) => pathname),
        ["/redirect", "/echo"],
      );
    },
    "the retry interceptor retries a 503": async (agent, url) => {
      const { statusCode, body } = await agent({}, interceptors.retry({ minTimeout: 1, maxTimeout: 1 })).request(
        get(url, "/busy-once"),
      );
      assert.deepEqual([statusCode, await body.text()], [200, "served"]);
    },
    "the dump interceptor discards the body": async (agent, url) => {
      const { body } = await agent({}, interceptors.dump()).request(get(url, "/json"));
      assert.equal(await body.text(), "");
    },
    "the responseError interceptor rejects an error status": async (agent, url) =>
      assert.rejects(() => agent({}, interceptors.responseError()).request(get(url, "/nowhere")), { statusCode: 404 }),
    "a Client sends to its origin": async (agent, url) => {
      const { body } = await agent({ origin: url, kind: "Client" }).request({ path: "/json", method: "GET" });
      assert.deepEqual(await body.json(), { answer: 42 });
    },
    "a Pool sends to its origin": async (agent, url) => {
      const { body } = await agent({ origin: url, kind: "Pool" }).request({ path: "/json", method: "GET" });
      assert.deepEqual(await body.json(), { answer: 42 });
    },
    "close() waits for requests and then refuses more": async (agent, url) => {
      const dispatcher = agent();
      const { body } = await dispatcher.request(get(url, "/json"));
      await body.dump();
      await dispatcher.close();
      await assert.rejects(() => dispatcher.request(get(url, "/json")), { name: /^Client(?:Closed|Destroyed)Error$/ });
    },
    "destroy() rejects requests in progress": async (agent, url) => {
      const dispatcher = agent();
      const pending = assert.rejects(() => dispatcher.request(get(url, "/stall")));
      await dispatcher.destroy();
      await pending;
    },
  },
};
