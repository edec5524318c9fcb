import { ROOT_CONTEXT, context, propagation, trace } from "@opentelemetry/api";
import { AlwaysOffSampler, AlwaysOnSampler } from "@opentelemetry/sdk-trace";
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from "undici";
import type { Dispatcher } from "undici";
import { channel } from "node:diagnostics_channel";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { instrumentFetch, wrapFetch } from "../../src/fetch.ts";
import { isGlobalDispatcherNative, isNodeFetch, isSentByApplication } from "../../src/clients/fetch/platform.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { inSpan, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

// Where only Node's own code runs inside a call, the call's span is not activated, since that costs more than the rest of the call. These tests
// cover all other code.

let telemetry: TestTelemetry;
let server: TestServer;
let undo: () => void = () => {};
const platform = globalThis.fetch;
const usual = getGlobalDispatcher();
beforeAll(async () => void (server = await serve(ROUTES)));
afterAll(() => server.close());
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  undo();
  globalThis.fetch = platform;
  setGlobalDispatcher(usual);
  await telemetry.stop();
});

/** The span ids that `look` found active while a call was made, and the id of the call's span. */
async function activeWithin(call: () => Promise<Response>): Promise<{ active: unknown[]; own: string | undefined }> {
  seen.length = 0;
  await inSpan("work", async () => (await call()).text());
  const [span] = await telemetry.ended(1);
  return { active: [...new Set(seen)], own: span?.spanContext().spanId };
}
const seen: unknown[] = [];
const look = (): void => void seen.push(trace.getActiveSpan()?.spanContext().spanId);

it("distinguishes Node's fetch from wrappers of it", () => {
  expect(isNodeFetch(platform)).toBe(true);
  expect(isNodeFetch((...args) => platform(...args))).toBe(false);
  expect(isNodeFetch(platform.bind(undefined))).toBe(false);
  expect(isNodeFetch(wrapFetch(platform))).toBe(false);
});

it("activates the call's span for an inner wrapper", async () => {
  globalThis.fetch = (...args) => {
    look();
    return platform(...args);
  };
  undo = instrumentFetch();
  const { active, own } = await activeWithin(() => fetch(`${server.url}/ok`));
  expect(active).toEqual([own]);
});

it("activates the call's span for a fetch function of the application", async () => {
  const traced = wrapFetch((...args) => {
    look();
    return platform(...args);
  });
  const { active, own } = await activeWithin(() => traced(`${server.url}/ok`));
  expect(active).toEqual([own]);
});

it("activates the call's span for subscribers of undici's channels", async () => {
  undo = instrumentFetch();
  const created = channel("undici:request:create");
  created.subscribe(look);
  const { active, own } = await activeWithin(() => fetch(`${server.url}/ok`));
  created.unsubscribe(look);
  expect(active).toEqual([own]);
});

const OF_NODE = Symbol.for("undici.globalDispatcher.1");

const looking: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
  look();
  return dispatch(options, handler);
};

it("activates the call's span for interceptors of the global dispatcher", async () => {
  undo = instrumentFetch();
  setGlobalDispatcher(new Agent().compose(looking));
  const { active, own } = await activeWithin(() => fetch(`${server.url}/ok`));
  expect(active).toEqual([own]);
});

it("activates the call's span for the dispatcher of a call", async () => {
  undo = instrumentFetch();
  // Node passes handlers of its own undici, which a newer undici package may not accept.
  const { [OF_NODE]: nodes } = globalThis as unknown as { [OF_NODE]: Dispatcher };
  const dispatcher = {
    dispatch: (...args: Parameters<Dispatcher["dispatch"]>) => {
      look();
      return nodes.dispatch(...args);
    },
  };
  const { active, own } = await activeWithin(() => fetch(`${server.url}/ok`, { dispatcher } as unknown as RequestInit));
  expect(active).toEqual([own]);
});

it("activates the call's span for a streamed request body", async () => {
  undo = instrumentFetch();
  const body = async function* (): AsyncGenerator<Uint8Array> {
    look();
    yield new TextEncoder().encode("x");
  };
  const init = { method: "POST", body: body(), duplex: "half" } as unknown as RequestInit;
  const { active, own } = await activeWithin(() => fetch(`${server.url}/ok`, init));
  expect(active).toEqual([own]);
});

it("records the peer of each of a hundred concurrent calls", async () => {
  undo = instrumentFetch();
  await inSpan("work", () => Promise.all(Array.from({ length: 100 }, async () => (await fetch(`${server.url}/ok`)).text())));
  const spans = await telemetry.ended(100);
  const peers = new Set(spans.map(({ attributes }) => attributes["network.peer.port"]));
  expect([...peers]).toEqual([server.port]);
});

it("knows which request bodies run code of the application", () => {
  for (const body of [undefined, null, "text", new Uint8Array(1), Buffer.from("x")]) expect(isSentByApplication(body)).toBe(false);
  for (const body of [new ReadableStream(), (async function* () {})(), new Blob(["x"])])
    expect(isSentByApplication(body)).toBe(true);
});

it("knows which global dispatchers are undici's own", () => {
  setGlobalDispatcher(new Agent());
  expect(isGlobalDispatcherNative()).toBe(true);
  setGlobalDispatcher(new Agent().compose(looking));
  expect(isGlobalDispatcherNative()).toBe(false);
  class Own extends Agent {}
  setGlobalDispatcher(new Own());
  expect(isGlobalDispatcherNative()).toBe(false);
  const places = globalThis as Record<symbol, unknown>;
  const [one, two] = [Symbol.for("undici.globalDispatcher.1"), Symbol.for("undici.globalDispatcher.2")];
  const before = [places[one], places[two]];
  places[one] = Object.create(null);
  expect(isGlobalDispatcherNative()).toBe(false);
  places[one] = undefined;
  places[two] = undefined;
  expect(isGlobalDispatcherNative()).toBe(true);
  [places[one], places[two]] = before;
  setGlobalDispatcher(new Agent());
  expect(isGlobalDispatcherNative()).toBe(true);
});

it.each(["sampled", "unsampled", "without an SDK"])(
  "removes baggage that the policy withholds from the target of a redirect, %s",
  async (mode) => {
    await telemetry.stop();
    telemetry = startTelemetry({ sampler: mode === "sampled" ? new AlwaysOnSampler() : new AlwaysOffSampler() });
    if (mode === "without an SDK") trace.disable();
    const other = await serve({ "/": (_, response) => response.end("ok") });
    const ours = await serve({ "/": (_, response) => response.writeHead(307, { location: other.url }).end() });
    undo = instrumentFetch({ baggageTo: new URL(ours.url).host });
    const remote = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1, isRemote: true };
    const parent = propagation.setBaggage(
      trace.setSpanContext(ROOT_CONTEXT, remote),
      propagation.createBaggage({ tenant: { value: "acme" } }),
    );
    await context.with(parent, async () => (await fetch(ours.url)).text());
    expect(ours.requests.map(({ headers }) => headers["baggage"])).toEqual(["tenant=acme"]);
    expect(other.requests.map(({ headers }) => headers["baggage"])).toEqual([undefined]);
    expect(other.requests[0]?.headers["traceparent"]).toContain(remote.traceId);
    await Promise.all([ours.close(), other.close()]);
  },
);
