import { SpanKind, context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import express from "express";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { wrapFetch } from "../../src/fetch.ts";
import { wrapA2AClient } from "../../src/a2a.ts";
import { traceRequests } from "../../src/server/express.ts";
import { startMetrics } from "../server/metrics.ts";
import type { TestMetrics } from "../server/metrics.ts";
import { listen } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { WIRES, completes, connect, find, plainClient, request, startAgent, tree } from "./agents.ts";
import type { AgentSetup } from "./agents.ts";

const DURATION = "http.server.request.duration";

let telemetry: TestTelemetry;
let metrics: TestMetrics;
beforeEach(() => {
  telemetry = startTelemetry();
  metrics = startMetrics();
});
afterEach(async () => {
  await metrics.provider.shutdown();
  await telemetry.stop();
});

const methodOf = (span: ReadableSpan): unknown => span.attributes["a2a.method.name"];

describe.each(WIRES)("an HTTP span of $binding $version", ({ binding, version }) => {
  it("below an A2A CLIENT span does not record the A2A method", async () => {
    const agent = await startAgent({ binding, version });
    for (const a2a of [undefined, "headers", "body"] as const) {
      telemetry.reset();
      const traced = wrapFetch((...args) => fetch(...args), { a2a });
      await wrapA2AClient(await plainClient(agent, {}, traced)).sendMessage(request());
      await telemetry.settled();
      const clients = telemetry.spans().filter(({ kind }) => kind === SpanKind.CLIENT);
      expect(clients.map(methodOf)).toEqual([undefined, "SendMessage"]);
    }
    await agent.close();
  });

  it("below the span of a handler records the A2A method if the option a2a is set", async () => {
    const shop = await listen((_, response) => void response.end());
    const traced = wrapFetch((...args) => fetch(...args), { a2a: "headers" });
    const execute: AgentSetup["execute"] = async (executing, bus) => {
      await traced(`${shop.url}/message:send`, { method: "POST" }).then((response) => response.text());
      completes(executing, bus);
    };
    const agent = await startAgent({ binding, version, execute });
    await (await connect(agent)).sendMessage(request());
    await telemetry.settled();
    expect(find(telemetry.spans(), SpanKind.CLIENT, "POST")).toBeDefined();
    const inner = telemetry.spans().find(({ attributes }) => attributes["url.full"] === `${shop.url}/message:send`);
    expect(inner && methodOf(inner)).toBe("SendMessage");
    await Promise.all([agent.close(), shop.close()]);
  });
});

/** A task that does not exist is requested. Returns the attributes of the server's metric. */
async function requestMissingTask(setup: AgentSetup): Promise<unknown> {
  const agent = await startAgent(setup);
  await (await connect(agent)).getTask({ tenant: "", id: "nowhere" }).catch(() => {});
  await telemetry.settled();
  await agent.close();
  const [point] = await metrics.counts(DURATION);
  return point?.[1];
}

describe("http.server.request.duration", () => {
  it("has the JSON-RPC error code of the span as its error.type", async () => {
    expect(await requestMissingTask({})).toMatchObject({ "error.type": "-32001", "http.response.status_code": 200 });
    expect(find(telemetry.spans(), SpanKind.SERVER, "GetTask").attributes["error.type"]).toBe("-32001");
  });

  it("has no error.type for a REST response with the status 404", async () => {
    const attributes = await requestMissingTask({ binding: "HTTP+JSON" });
    expect(attributes).toMatchObject({ "http.response.status_code": 404 });
    expect(attributes).not.toHaveProperty("error.type");
  });

  it.each([
    ["are not sampled", { sampler: new AlwaysOffSampler() }],
    ["do not exist", undefined],
  ])("has the JSON-RPC error code if spans %s", async (_, options) => {
    await telemetry.stop();
    metrics = startMetrics();
    if (options !== undefined) telemetry = startTelemetry(options);
    else context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    expect(await requestMissingTask({})).toMatchObject({ "error.type": "-32001" });
    expect(await requestMissingTask({ binding: "HTTP+JSON" })).toMatchObject({ "error.type": "-32001" });
    const points = await metrics.counts(DURATION);
    expect(points.map(([count, attributes]) => [count, attributes["http.response.status_code"], attributes["error.type"]])).toEqual(
      [
        [1, 200, "-32001"],
        [1, 404, undefined],
      ],
    );
  });
});

it("names the SERVER span of a REST request by its A2A method without wrapRequestHandler, whatever its route", async () => {
  const agent = await startAgent({ binding: "HTTP+JSON", a2a: false });
  await (await connect(agent)).sendMessage(request());
  await telemetry.settled();
  expect(tree(telemetry.spans())).toEqual(["CLIENT SendMessage", "  CLIENT POST", "    SERVER SendMessage"]);
  const app = express()
    .use(traceRequests(), traceRequests({ headersToSpanAttributes: {} }))
    .post("/:tenant/message\\:send", (_, response) => void response.end());
  const server = await listen(app);
  telemetry.reset();
  await fetch(`${server.url}/acme/message:send`, { method: "POST" });
  await telemetry.settled();
  const [span] = telemetry.own();
  expect(span?.name).toBe("SendMessage");
  expect(span?.attributes).toMatchObject({ "a2a.method.name": "SendMessage", "http.route": "/:tenant/message:send" });
  await Promise.all([agent.close(), server.close()]);
});

it("creates A2A spans in a scope without a schema URL, because the schema of the HTTP spans has no A2A attributes", async () => {
  const agent = await startAgent({ http: false });
  await (await connect(agent)).sendMessage(request());
  await telemetry.settled();
  const schemas = telemetry.spans().map((span) => [methodOf(span), span.instrumentationScope.schemaUrl]);
  expect(schemas).toEqual([
    ["SendMessage", undefined],
    [undefined, "https://opentelemetry.io/schemas/1.44.0"],
    ["SendMessage", undefined],
  ]);
  await agent.close();
});
