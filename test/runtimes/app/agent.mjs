import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { wrapFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/node";
import { setupPropagation } from "a2a-otel/setup";
import { sleep } from "./assert.mjs";
import { clientChecks } from "./client-checks.mjs";
import { helperChecks } from "./helper-checks.mjs";
import { flush, startTelemetry } from "./telemetry.mjs";

// An agent on Node: what the other runtimes call, and where the same checks run for comparison.

startTelemetry("node");
const setup = setupPropagation();
const outbound = wrapFetch(globalThis.fetch);
const on = { contexts: true, seesEnd: true, uploads: true, setup, errors: { refused: "ECONNREFUSED", cut: "UND_ERR_SOCKET" } };

const events = { "content-type": "text/event-stream" };
const text = { "content-type": "text/plain" };

const routes = {
  "/ok": async (_, response) => response.writeHead(200, text).end("ok"),
  "/headers": async (request, response) => response.writeHead(200).end(JSON.stringify(request.headersDistinct)),
  "/status/404": async (_, response) => response.writeHead(404, text).end("status 404"),
  "/redirect": async (_, response) => response.writeHead(302, { location: "/headers" }).end(),
  "/slow": async (_, response) => {
    await sleep(3000);
    response.end("slow");
  },
  "/json-slowly": async (_, response) => {
    response.writeHead(200, { "content-type": "application/json" }).write('{"answer":');
    await sleep(80);
    response.end("42}");
  },
  "/events": async (_, response) => {
    response.writeHead(200, events);
    for (let index = 0; index < 3; index++) {
      response.write(`data: ${index}\n\n`);
      await sleep(40);
    }
    response.end();
  },
  "/endless": async (_, response) => {
    response.writeHead(200, events);
    while (!response.closed) {
      response.write("data: on\n\n");
      await sleep(20);
    }
  },
  "/cut": async (_, response) => {
    response.writeHead(200, events).write("data: 0\n\n");
    await sleep(40);
    response.socket.destroy();
  },
  "/echo": async (request, response) => {
    response.writeHead(200, { "content-type": request.headers["content-type"] ?? "application/octet-stream" });
    request.pipe(response);
  },
  "/chain": async (_, response, url) => {
    const [next, ...others] = url.searchParams
      .get("to")
      .split(",")
      .filter((to) => to !== "");
    const rest = next === undefined ? "" : await (await outbound(`${next}/chain?to=${others.join(",")}`)).text();
    response.writeHead(200, text).end(`node ${rest}`);
  },
};

// What the test asks for is no part of it, nor are a page and its script.
const untraced = {
  "/flush": async (_, response, url) => {
    await flush(url.searchParams.get("collector"));
    response.end();
  },
  "/checks": async (_, response, url) => {
    const [agent, closed] = ["agent", "closed"].map((name) => url.searchParams.get(name));
    response.end(JSON.stringify([...(await clientChecks(agent, closed, on)), ...(await helperChecks(agent, on))]));
  },
  "/away": async (_, response, url) => response.writeHead(302, { location: url.searchParams.get("to") }).end(),
  "/page": async (_, response) =>
    response.writeHead(200, { "content-type": "text/html" }).end('<!doctype html><script src="/page.js"></script>'),
  "/page.js": async (_, response) =>
    response.writeHead(200, { "content-type": "text/javascript" }).end(readFileSync(new URL("page.js", import.meta.url))),
};

const handle = (handlers) => (request, response) => {
  const url = new URL(request.url, "http://agent");
  const handler = handlers[url.pathname];
  if (handler === undefined) response.writeHead(404).end();
  else handler(request, response, url).catch((error) => response.destroy(error));
};

const traced = traceRequests(handle(routes));
const server = createServer((request, response) =>
  new URL(request.url, "http://agent").pathname in untraced ? handle(untraced)(request, response) : traced(request, response),
);
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
