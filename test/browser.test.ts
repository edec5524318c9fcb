import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { context, propagation } from "@opentelemetry/api";
import { wrapFetch } from "../src/fetch.ts";
import type { FetchOptions } from "../src/fetch.ts";
import { ROUTES, serve } from "./support/server.ts";
import type { TestServer } from "./support/server.ts";
import { shapeOf, getSpan, inSpan, startTelemetry, traceparentOf } from "./support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "./support/telemetry.ts";

// test/runtimes tests a real browser; these tests simulate its globals.

let telemetry: TestTelemetry;
let own: TestServer;
let other: TestServer;

beforeAll(async () => {
  own = await serve(ROUTES);
  other = await serve(ROUTES);
});
afterAll(async () => {
  await own.close();
  await other.close();
});
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  vi.unstubAllGlobals();
  await telemetry.stop();
});

/** A `process` as bundlers put it into pages. */
const POLYFILL = { env: {}, versions: {}, nextTick: () => {} };

/** Sets the globals of a page of `own`, overridden by `more`. */
function stubPage(more: Record<string, unknown> = {}): void {
  const { origin } = new URL(own.url);
  const globals = { process: POLYFILL, document: {}, location: new URL(`${own.url}/page`), origin, ...more };
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
}

/** Browsers do not expose the connection. */
const withoutPeer = (span: SpanShape): SpanShape => ({
  ...span,
  attributes: Object.fromEntries(Object.entries(span.attributes).filter(([name]) => !name.startsWith("network."))),
});

/** The propagation headers that a server receives of a call within a span and with baggage. */
async function sent(server: TestServer, options?: FetchOptions): Promise<Record<string, string>> {
  const traced = wrapFetch(fetch, options);
  vi.unstubAllGlobals();
  telemetry.reset();
  const baggage = propagation.createBaggage({ user: { value: "1" } });
  await inSpan("work", () =>
    context.with(propagation.setBaggage(context.active(), baggage), async () => (await traced(`${server.url}/ok`)).text()),
  );
  const [span] = await telemetry.ended(1);
  expect(withoutPeer(shapeOf(span!))).toEqual(withoutPeer(getSpan(server, "/ok")));
  const { headers } = server.requests.at(-1)!;
  return Object.fromEntries(
    ["traceparent", "tracestate", "baggage"]
      .filter((name) => name in headers)
      .map((name) => [name, headers[name] === traceparentOf(span!) ? "the span's" : String(headers[name])]),
  );
}

const ALL = { traceparent: "the span's", baggage: "user=1" };

describe("in a browser", () => {
  it("sends the trace to the page's own origin", async () => {
    stubPage();
    expect(await sent(own)).toEqual(ALL);
  });

  it("sends nothing to another origin but records a span", async () => {
    stubPage();
    expect(await sent(other)).toEqual({});
  });

  it("treats another port or scheme as another origin", async () => {
    stubPage({ origin: own.url.replace("http:", "https:") });
    expect(await sent(own)).toEqual({});
    stubPage({ origin: "http://127.0.0.1" });
    expect(await sent(own)).toEqual({});
  });

  it("applies propagateTo also to the page's own origin", async () => {
    stubPage();
    expect(await sent(other, { propagateTo: other.url })).toEqual(ALL);
    stubPage();
    expect(await sent(own, { propagateTo: other.url })).toEqual({});
    stubPage();
    expect(await sent(other, { propagateTo: () => true })).toEqual(ALL);
  });

  it("applies baggageTo to baggage alone", async () => {
    stubPage();
    expect(await sent(other, { baggageTo: other.url })).toEqual({ baggage: "user=1" });
    stubPage();
    expect(await sent(own, { baggageTo: [] })).toEqual({ traceparent: "the span's" });
  });

  it("treats a worker like a page", async () => {
    stubPage({ document: undefined, importScripts: () => {} });
    expect(await sent(own)).toEqual(ALL);
    stubPage({ document: undefined, importScripts: () => {} });
    expect(await sent(other)).toEqual({});
  });

  it("sends nothing from a sandboxed frame, which has no origin", async () => {
    stubPage({ origin: "null" });
    expect(await sent(own)).toEqual({});
  });

  it("uses the parent's origin in a frame without an address", async () => {
    stubPage({ location: { href: "about:srcdoc", origin: "null" } });
    expect(await sent(own)).toEqual(ALL);
    stubPage({ location: { href: "about:srcdoc", origin: "null" } });
    expect(await sent(other)).toEqual({});
  });

  it("takes the origin from the address if there is no global origin", async () => {
    stubPage({ origin: undefined });
    expect(await sent(own)).toEqual(ALL);
    stubPage({ origin: undefined });
    expect(await sent(other)).toEqual({});
  });

  it("treats an Electron page with Node's modules as a browser, but not Electron's main process", async () => {
    const electron = { ...POLYFILL, getBuiltinModule: () => undefined, versions: { node: "24.0.0", electron: "40.0.0" } };
    stubPage({ process: electron });
    expect(await sent(other)).toEqual({});
    stubPage({ process: electron, document: undefined, location: undefined, origin: undefined });
    expect(await sent(other)).toEqual(ALL);
  });
});

describe("outside a browser", () => {
  const NODE = { getBuiltinModule: () => undefined, versions: { node: "24.0.0" }, env: {} };
  it.each([
    { where: "Node, Bun and Deno with jsdom or happy-dom", globals: { process: NODE } },
    { where: "Deno with --location", globals: { process: NODE, document: undefined, origin: undefined } },
    {
      where: "a Cloudflare Worker",
      globals: { process: undefined, document: undefined, location: undefined, origin: undefined },
    },
    { where: "an edge runtime with a location", globals: { process: undefined, document: undefined } },
    { where: "React Native", globals: { location: undefined, document: undefined } },
  ])("sends the trace to every origin in $where", async ({ globals }) => {
    stubPage(globals);
    expect(await sent(other)).toEqual(ALL);
  });
});
