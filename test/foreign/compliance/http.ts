import assert from "node:assert/strict";
import http from "node:http";
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { instrumentNode } from "../../../src/node.ts";
import type { Echo, Suite } from "./suite.ts";

type Http = typeof http;

const answered = (request: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => request.on("response", resolve).on("error", reject));
const textOf = async (message: IncomingMessage): Promise<string> => Buffer.concat(await message.toArray()).toString();
const send = async (client: Http, url: string, options: RequestOptions, body?: string): Promise<Echo> => {
  const request = client.request(url, options);
  request.end(body);
  return JSON.parse(await textOf(await answered(request))) as Echo;
};

export const httpSuite: Suite<Http> = {
  name: "node:http",
  source: "Node.js's documentation",
  plain: () => http,
  variants: { "`instrumentNode`": () => ({ subject: http, undo: instrumentNode() }) },
  checks: {
    "get() ends the request": async (client, url) =>
      assert.equal(await answered(client.get(`${url}/json`)).then(textOf), '{"answer":42}'),
    "get() calls the callback with the response": async (client, url) => {
      const message = await new Promise<IncomingMessage>((resolve) => client.get(`${url}/json`, resolve));
      message.resume();
      assert.equal(message.statusCode, 200);
    },
    "request() takes a URL and options": async (client, url) => {
      const { method, headers } = await send(client, `${url}/echo`, { method: "PUT", headers: { "x-a": "1" } }, "text");
      assert.deepEqual([method, headers["x-a"]], ["PUT", "1"]);
    },
    "request() takes a headers array": async (client, url) =>
      assert.equal((await send(client, `${url}/echo`, { headers: ["x-a", "1", "host", "a.example"] })).headers["x-a"], "1"),
    "setHeader() and removeHeader() work until the headers are sent": async (client, url) => {
      const request = client.request(`${url}/echo`);
      request.setHeader("x-a", "1");
      request.setHeader("x-b", "2");
      request.removeHeader("x-b");
      assert.equal(request.getHeader("x-a"), "1");
      request.end();
      const { headers } = JSON.parse(await textOf(await answered(request)));
      assert.deepEqual([headers["x-a"], headers["x-b"]], ["1", undefined]);
      assert.throws(() => request.setHeader("x-c", "3"), { code: "ERR_HTTP_HEADERS_SENT" });
    },
    "Expect: 100-continue emits continue": async (client, url) => {
      const request = client.request(`${url}/echo`, { method: "POST", headers: { expect: "100-continue" } });
      const continued = new Promise<void>((resolve) => request.once("continue", () => (request.end("x"), resolve())));
      const message = await answered(request);
      await continued;
      assert.equal(JSON.parse(await textOf(message)).body, "x");
    },
    "destroy() emits error and close": async (client, url) => {
      const request = client.request(`${url}/stall`);
      const events: string[] = [];
      request.on("error", () => events.push("error"));
      const closed = new Promise<void>((resolve) => request.on("close", () => (events.push("close"), resolve())));
      request.end();
      setImmediate(() => request.destroy());
      await closed;
      assert.deepEqual(events, ["error", "close"]);
    },
    "a signal aborts the request": async (client, url) => {
      const controller = new AbortController();
      const request = client.get(`${url}/stall`, { signal: controller.signal });
      setImmediate(() => controller.abort());
      await assert.rejects(answered(request), { name: "AbortError", code: "ABORT_ERR" });
    },
    "a timeout emits timeout and does not abort": async (client, url) => {
      const request = client.get(`${url}/stall`, { timeout: 20 });
      await new Promise((resolve) => request.once("timeout", resolve));
      assert.equal(request.destroyed, false);
      request.on("error", () => {}).destroy();
    },
    "a refused connection emits error": async (client) =>
      assert.rejects(answered(client.get("http://127.0.0.1:1/")), { code: "ECONNREFUSED" }),
    "a connection that is cut aborts the response": async (client, url) => {
      const message = await answered(client.get(`${url}/cut`));
      await assert.rejects(textOf(message), { code: "ECONNRESET" });
      assert.equal(message.complete, false);
    },
    "an agent with keepAlive reuses the socket": async (client, url) => {
      const agent = new client.Agent({ keepAlive: true, maxSockets: 1 });
      const ports: unknown[] = [];
      for (let i = 0; i < 2; i++) {
        const request = client.get(`${url}/json`, { agent }); // oxlint-disable-next-line no-await-in-loop -- one after another
        const message = await answered(request);
        ports.push(request.socket?.localPort, request.reusedSocket); // oxlint-disable-next-line no-await-in-loop -- one after another
        await textOf(message);
        await new Promise(setImmediate); // oxlint-disable-line no-await-in-loop -- the socket becomes free
      }
      agent.destroy();
      assert.deepEqual(ports, [ports[0], false, ports[0], true]);
    },
    "refuses invalid header values": (client, url) =>
      assert.throws(() => client.request(url, { headers: { "x-a": "\n" } }), { code: "ERR_INVALID_CHAR" }),
    "has the members of the module": (client) =>
      assert.equal(client.METHODS.includes("GET") && typeof client.STATUS_CODES, "object"),
  },
};
