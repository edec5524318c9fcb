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

describe.each(CLIENTS)("$name recognises A2A without its SDK", (client) => {
  const seen = async (path: string, sent: object, options?: object): Promise<unknown[]> => {
    await client.traced(options)(server.url + path, sent);
    const [span] = await telemetry.ended(1);
    return [span!.name, span!.attributes["url.template"], span!.attributes["a2a.method.name"]];
  };

  it("by the path, under any base", async () => {
    expect(await seen("/base/message:send", { method: "POST", body: "{}" })).toEqual([
      "POST /message:send",
      "/message:send",
      "SendMessage",
    ]);
  });

  it("by path and headers together, where others have the path too", async () => {
    expect(await seen("/tasks/42", { headers: { "A2A-Version": "1.0" } })).toEqual(["GET /tasks/{id}", "/tasks/{id}", "GetTask"]);
    telemetry.reset();
    expect(await seen("/tasks/42", {})).toEqual(["GET", undefined, undefined]);
  });

  it("by the body only if asked to", async () => {
    const sent = { method: "POST", headers: HEADERS, body: RPC };
    expect(await seen("/rpc", sent)).toEqual(["POST", undefined, undefined]);
    telemetry.reset();
    expect(await seen("/rpc", sent, { a2a: "body" })).toEqual(["POST", undefined, "SendMessage"]);
  });

  it("not at all if told so, and after what the application says", async () => {
    const sent = { method: "POST", body: "{}" };
    expect(await seen("/message:send", sent, { a2a: false })).toEqual(["POST", undefined, undefined]);
    telemetry.reset();
    expect(await seen("/message:send", sent, { urlTemplate: () => "/mine" })).toEqual(["POST /mine", "/mine", "SendMessage"]);
  });
});

it("a server's span has the method too", async () => {
  const traced = await listen(traceRequests((_, response) => void response.end("ok")));
  await fetch(`${traced.url}/message:stream`, { method: "POST" }).then((response) => response.text());
  await telemetry.settled();
  expect(telemetry.own()[0]?.attributes).toMatchObject({ "a2a.method.name": "SendStreamingMessage" });
  await traced.close();
});
