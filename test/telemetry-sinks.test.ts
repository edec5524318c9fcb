import { request } from "node:http";
import { context, propagation } from "@opentelemetry/api";
import axios from "axios";
import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { wrapFetch } from "../src/fetch.ts";
import { instrumentNode } from "../src/node.ts";
import { ROUTES, serve } from "./support/server.ts";
import type { TestServer } from "./support/server.ts";
import { CLIENTS } from "./support/clients.ts";
import { inSpan, startTelemetry } from "./support/telemetry.ts";
import type { TestTelemetry } from "./support/telemetry.ts";

const SINK = "/api/public/ingestion";
let server: TestServer;
let telemetry: TestTelemetry;
let undo = (): void => {};
let failures = 0;
beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    [SINK]: (_, response) => void response.end("stored"),
    "/v1/chat/completions": (_, response) => {
      if (failures-- > 0) response.writeHead(429, { "retry-after-ms": "1" }).end("{}");
      else response.writeHead(200, { "content-type": "application/json" }).end('{"choices":[]}');
    },
  });
});
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  server.requests.length = 0;
});
afterEach(async () => {
  undo();
  undo = () => {};
  await telemetry.stop();
});

/** Runs a function inside a span, with baggage. */
const inTrace = (run: () => Promise<unknown>): Promise<unknown> =>
  inSpan("work", () =>
    context.with(propagation.setBaggage(context.active(), propagation.createBaggage({ who: { value: "alice" } })), run),
  );
const propagated = (): unknown[] =>
  server.requests.flatMap(({ headers }) => [headers["traceparent"], headers["baggage"]]).filter((value) => value !== undefined);

describe.each(CLIENTS)("a telemetry sink called with $name", (client) => {
  it("gets no span and no headers", async () => {
    const call = client.traced();
    await inTrace(() => call(server.url + SINK, { method: "POST", body: "{}" }));
    expect(server.requests).toHaveLength(1);
    expect(propagated()).toEqual([]);
    await inTrace(() => call(`${server.url}/ok`));
    expect((await telemetry.ended(1))[0]?.attributes["url.full"]).toBe(`${server.url}/ok`);
  });

  it("is traced with telemetrySinks: false", async () => {
    await inTrace(() => client.traced({ telemetrySinks: false })(server.url + SINK, { method: "POST", body: "{}" }));
    await telemetry.ended(1);
    expect(propagated()).toHaveLength(2);
  });

  it("may be added by the option", async () => {
    await inTrace(() => client.traced({ telemetrySinks: "127.0.0.1" })(`${server.url}/ok`));
    expect(propagated()).toEqual([]);
    expect(telemetry.own()).toEqual([]);
  });
});

describe("telemetry sinks", () => {
  it("get no span and no headers with instrumentNode()", async () => {
    undo = instrumentNode();
    await inTrace(async () => {
      await (await fetch(server.url + SINK, { method: "POST", body: "{}" })).text();
      await new Promise((resolve) =>
        request(server.url + SINK, { method: "POST" }, (response) => response.resume().on("end", resolve)).end("{}"),
      );
      await axios.post(server.url + SINK, "{}");
    });
    expect(server.requests).toHaveLength(3);
    expect(propagated()).toEqual([]);
    expect(telemetry.own()).toEqual([]);
  });

  it("keep the policy of an inner instrumentation if the outer one traces them", async () => {
    const inner = wrapFetch(fetch, { propagateTo: "agents.example" });
    const outer = wrapFetch(inner, { telemetrySinks: false });
    await inTrace(async () => (await outer(server.url + SINK)).text());
    await telemetry.ended(1);
    expect(propagated()).toEqual([]);
  });

  it("are rejected at set-up if a host is invalid", () => {
    expect(() => wrapFetch(fetch, { telemetrySinks: "https://a.example/path" })).toThrow('wrapFetch: option "telemetrySinks"');
    expect(() => wrapFetch(fetch, { telemetrySinks: true as never })).toThrow(
      'option "telemetrySinks" must be one of false, or a host',
    );
  });
});

describe("x-stainless-retry-count", () => {
  const counts = async (number: number): Promise<unknown[]> =>
    (await telemetry.ended(number)).map(({ attributes }) => attributes["http.request.resend_count"]);
  const chat = (client: OpenAI): Promise<unknown> => client.chat.completions.create({ model: "m", messages: [] });

  it("is http.request.resend_count of the OpenAI SDK's retries, with wrapFetch()", async () => {
    failures = 2;
    await chat(new OpenAI({ apiKey: "key", baseURL: `${server.url}/v1`, maxRetries: 3, fetch: wrapFetch(fetch) }));
    expect(await counts(3)).toEqual([undefined, 1, 2]);
  });

  it("is http.request.resend_count of the OpenAI SDK's retries, with instrumentNode()", async () => {
    const client = new OpenAI({ apiKey: "key", baseURL: `${server.url}/v1`, maxRetries: 3 });
    undo = instrumentNode();
    failures = 1;
    await chat(client);
    expect(await counts(2)).toEqual([undefined, 1]);
  });

  it.each(["0", "-1", "1.5", "x", "", "99999", "1, 2"])("is ignored if it is %j", async (value) => {
    await (await wrapFetch(fetch)(`${server.url}/ok`, { headers: { "x-stainless-retry-count": value } })).text();
    expect(await counts(1)).toEqual([undefined]);
  });

  it("is counted on by the hops that the client itself shows", async () => {
    const traced = wrapFetch(fetch);
    await (await traced(`${server.url}/redirect`, { headers: { "X-Stainless-Retry-Count": "2" } })).text();
    expect(await counts(2)).toEqual([2, 3]);
  });
});
