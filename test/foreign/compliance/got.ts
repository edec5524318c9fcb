import assert from "node:assert/strict";
import { Readable } from "node:stream";
import got, { HTTPError, MaxRedirectsError, ParseError, RequestError, TimeoutError } from "got";
import type { Got } from "got";
import { wrapGot } from "../../../src/got.ts";
import { instrumentNode } from "../../../src/node.ts";
import type { Suite } from "./suite.ts";

export const gotSuite: Suite<Got> = {
  name: "got",
  source: "got's documentation",
  plain: () => got,
  variants: {
    "`wrapGot`": () => ({ subject: wrapGot(got) }),
    "`instrumentNode`": () => ({ subject: got, undo: instrumentNode() }),
  },
  checks: {
    "resolves with body, statusCode, url and timings": async (client, url) => {
      const response = await client(`${url}/json`);
      assert.deepEqual(
        [response.body, response.statusCode, response.url, response.ok],
        ['{"answer":42}', 200, `${url}/json`, true],
      );
      assert.ok(response.timings?.phases.total !== undefined);
    },
    "has the shortcuts json(), text() and buffer()": async (client, url) => {
      assert.deepEqual(await client(`${url}/json`).json(), { answer: 42 });
      assert.equal(await client(`${url}/json`).text(), '{"answer":42}');
      assert.equal((await client(`${url}/json`).buffer()).byteLength, 13);
    },
    "sends json and form": async (client, url) => {
      assert.equal((await client.post(`${url}/echo`, { json: { a: 1 } }).json<{ body: string }>()).body, '{"a":1}');
      assert.equal((await client.post(`${url}/echo`, { form: { a: 1 } }).json<{ body: string }>()).body, "a=1");
    },
    "sends searchParams": async (client, url) =>
      assert.equal((await client(`${url}/echo`, { searchParams: { a: 1 } }).json<{ url: string }>()).url, "/echo?a=1"),
    "joins prefixUrl or fails for its absence": async (client) =>
      assert
        .rejects(async () => client("no-url"), RequestError)
        .catch(() => assert.rejects(async () => client("no-url"), TypeError)),
    "rejects an error status with HTTPError": async (client, url) =>
      assert.rejects(
        async () => client(`${url}/nowhere`),
        (error) => error instanceof HTTPError && error.response.statusCode === 404 && error.code === "ERR_NON_2XX_3XX_RESPONSE",
      ),
    "resolves an error status for throwHttpErrors: false": async (client, url) =>
      assert.equal((await client(`${url}/nowhere`, { throwHttpErrors: false })).statusCode, 404),
    "rejects invalid JSON with ParseError": async (client, url) =>
      assert.rejects(async () => client(`${url}/not-json`).json(), ParseError),
    "rejects with RequestError and a code": async (client) =>
      assert.rejects(
        async () => client("http://127.0.0.1:1/", { retry: { limit: 0 } }),
        (error) => error instanceof RequestError && error.code === "ECONNREFUSED",
      ),
    "rejects with TimeoutError": async (client, url) =>
      assert.rejects(async () => client(`${url}/stall`, { timeout: { request: 30 }, retry: { limit: 0 } }), TimeoutError),
    "rejects with AbortError": async (client, url) => {
      const controller = new AbortController();
      const pending = client(`${url}/stall`, { signal: controller.signal });
      setImmediate(() => controller.abort());
      await assert.rejects(pending, { name: "AbortError", code: "ERR_ABORTED" });
    },
    "follows redirects and lists them": async (client, url) => {
      const { redirectUrls } = await client(`${url}/redirect`);
      assert.deepEqual(redirectUrls.map(String), [`${url}/echo`]);
    },
    "limits redirects": async (client, url) =>
      assert.rejects(async () => client(`${url}/loop`, { maxRedirects: 2 }), MaxRedirectsError),
    "retries a 503 and counts": async (client, url) => {
      const { retryCount, body } = await client(`${url}/busy-once`, {
        retry: { calculateDelay: ({ computedValue }) => (computedValue ? 1 : 0) },
      });
      assert.deepEqual([retryCount, body], [1, "served"]);
    },
    "runs hooks in order": async (client, url) => {
      const order: string[] = [];
      await client(`${url}/redirect`, {
        hooks: {
          init: [() => void order.push("init")],
          beforeRequest: [() => void order.push("beforeRequest")],
          beforeRedirect: [() => void order.push("beforeRedirect")],
          afterResponse: [(response) => (order.push("afterResponse"), response)],
        },
      });
      assert.deepEqual(order, ["init", "beforeRequest", "beforeRedirect", "beforeRequest", "afterResponse"]);
    },
    "lets beforeRequest change headers": async (client, url) => {
      const hooks = { beforeRequest: [(options: { headers: Record<string, unknown> }) => void (options.headers["x-a"] = "1")] };
      const { headers } = await client(`${url}/echo`, { hooks } as object).json<{ headers: Record<string, string> }>();
      assert.equal(headers["x-a"], "1");
    },
    "merges defaults with extend()": async (client, url) => {
      const extended = client.extend({ headers: { "x-a": "1" } }).extend({ headers: { "x-b": "2" } });
      const { headers } = await extended(`${url}/echo`).json<{ headers: Record<string, string> }>();
      assert.deepEqual([headers["x-a"], headers["x-b"]], ["1", "2"]);
    },
    "calls handlers": async (client, url) => {
      let calls = 0;
      await client.extend({ handlers: [(options, next) => (calls++, next(options))] })(`${url}/json`);
      assert.equal(calls, 1);
    },
    "streams a response": async (client, url) =>
      assert.equal(Buffer.concat(await client.stream(`${url}/chunks`).toArray()).toString(), "one,two"),
    "streams a request": async (client, url) => {
      const stream = client.stream.post(`${url}/echo`);
      Readable.from(["a", "b"]).pipe(stream);
      assert.equal(JSON.parse(Buffer.concat(await stream.toArray()).toString()).body, "ab");
    },
    "emits response and end of a stream": async (client, url) => {
      const stream = client.stream(`${url}/json`);
      const events: string[] = [];
      const ended = new Promise<void>((resolve) => {
        stream.on("response", () => events.push("response"));
        stream.on("end", () => (events.push("end"), resolve()));
      });
      stream.resume();
      await ended;
      assert.deepEqual(events, ["response", "end"]);
    },
    paginates: async (client, url) => {
      const pages = { transform: () => ["item"], paginate: () => false as const };
      assert.deepEqual(await client.paginate.all(`${url}/json`, { pagination: pages }), ["item"]);
    },
  },
};
