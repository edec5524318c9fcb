import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { traceRequests } from "../src/server/node.ts";
import { CLIENTS } from "./support/clients.ts";
import { ROUTES, listen, serve } from "./support/server.ts";
import type { TestServer } from "./support/server.ts";
import { startTelemetry } from "./support/telemetry.ts";
import type { TestTelemetry } from "./support/telemetry.ts";

let telemetry: TestTelemetry;
let server: TestServer;

beforeAll(async () => {
  server = await serve({
    "*": (request, response, body) =>
      (ROUTES[request.url === "/ok" ? "/ok" : "/echo"] as (typeof ROUTES)[string])(request, response, body),
  });
});
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
});
afterEach(() => telemetry.stop());

const RPC = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "message/send", params: {} });
const HEADERS = { "content-type": "application/json", "A2A-Version": "1.0" };

/** What is recorded of a request: the span's name, `url.template` and `a2a.method.name`. */
interface Recognition {
  name: string;
  template: unknown;
  method: unknown;
}

describe.each(CLIENTS)("$name", (client) => {
  const recognise = async (path: string, sent: object, options?: object): Promise<Recognition> => {
    telemetry.reset();
    await client.traced(options)(server.url + path, sent);
    const [span] = await telemetry.ended(1);
    const { "url.template": template, "a2a.method.name": method } = span!.attributes;
    return { name: span!.name, template, method };
  };

  it("recognises A2A by the path under any base path", async () => {
    const sent = { method: "POST", body: "{}" };
    const recognised = { name: "POST /base/message:send", template: "/base/message:send" };
    expect(await recognise("/base/message:send", sent)).toEqual({ ...recognised, method: undefined });
    expect(await recognise("/base/message:send", sent, { a2a: "headers" })).toEqual({ ...recognised, method: "SendMessage" });
  });

  it("recognises A2A by path and headers for a path that other services have", async () => {
    const recognised = { name: "GET /tasks/{id}", template: "/tasks/{id}", method: "GetTask" };
    const options = { a2a: "headers" };
    expect(await recognise("/tasks/42", { headers: { "A2A-Version": "1.0" } }, options)).toEqual(recognised);
    expect(await recognise("/tasks/42?A2A-Version=1.0", {}, options)).toEqual(recognised);
    expect(await recognise("/tasks/42", {}, options)).toEqual({ name: "GET", template: undefined, method: undefined });
  });

  it('recognises A2A by the body only with a2a: "body"', async () => {
    const sent = { method: "POST", headers: HEADERS, body: RPC };
    expect(await recognise("/rpc", sent)).toEqual({ name: "POST", template: undefined, method: undefined });
    expect(await recognise("/rpc", sent, { a2a: "body" })).toEqual({ name: "POST", template: undefined, method: "SendMessage" });
  });

  it("does not recognise A2A with a2a: false and prefers the urlTemplate option", async () => {
    const sent = { method: "POST", body: "{}" };
    expect(await recognise("/message:send", sent, { a2a: false })).toEqual({
      name: "POST",
      template: undefined,
      method: undefined,
    });
    expect(await recognise("/message:send", sent, { a2a: "headers", urlTemplate: () => "/mine" })).toEqual({
      name: "POST /mine",
      template: "/mine",
      method: "SendMessage",
    });
  });
});

it("names the span of a server by the A2A method and records it", async () => {
  const traced = await listen(traceRequests((_, response) => void response.end("ok")));
  await fetch(`${traced.url}/message:stream`, { method: "POST" }).then((response) => response.text());
  await telemetry.settled();
  expect(telemetry.own()[0]).toMatchObject({
    name: "SendStreamingMessage",
    attributes: { "a2a.method.name": "SendStreamingMessage" },
  });
  await traced.close();
});
