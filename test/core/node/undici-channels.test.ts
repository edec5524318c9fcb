import { channel } from "node:diagnostics_channel";
import { DiagLogLevel, diag } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Mock } from "vitest";
import type { ClientCall } from "../../../src/core/calls/client-call.ts";
import { clientConfig } from "../../../src/core/calls/client-config.ts";
import { findByTraceparent, activeCalls } from "../../../src/core/calls/active-calls.ts";
import type { ClientOptions } from "../../../src/core/telemetry/options.ts";
import { startCall } from "../../../src/core/calls/start-call.ts";
import {
  ensureLastSubscriber,
  connectChannels,
  followResponses,
  replacePropagationHeaders,
} from "../../../src/core/node/undici-channels.ts";
import { urlOfRequest } from "../../../src/core/node/undici-requests.ts";
import type { ChannelRequest, RequestObserver } from "../../../src/core/calls/request-observer.ts";
import { startTelemetry } from "../../support/telemetry.ts";
import type { TestTelemetry } from "../../support/telemetry.ts";

const ORIGIN = "http://agent.example";
const created = channel("undici:request:create");
const error = vi.fn<(...args: unknown[]) => void>();
const quiet = (): void => {};

let telemetry: TestTelemetry;
beforeEach(() => {
  connectChannels();
  telemetry = startTelemetry();
  diag.setLogger({ error, warn: quiet, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.ERROR);
  error.mockReset();
});
afterEach(async () => {
  await telemetry.stop();
  activeCalls.length = 0;
});

const begin = (options: ClientOptions = {}, previous?: ClientCall): ClientCall =>
  startCall(clientConfig("f", options), {
    method: "GET",
    url: `${ORIGIN}/rpc`,
    headers: undefined,
    request: undefined,
    previous,
  }) as ClientCall;
const requestOf = (call: ClientCall, more: Partial<ChannelRequest> = {}): ChannelRequest => ({
  origin: ORIGIN,
  path: "/rpc",
  method: "GET",
  headers: ["x-a", "1", ...Object.entries(call.headers ?? {}).flat()],
  ...more,
});
type Followed = Required<RequestObserver>;
const observer = (): { [Name in keyof Followed]: Mock<Followed[Name]> } => ({
  onRequestCreated: vi.fn<Followed["onRequestCreated"]>(),
  onResponseHeaders: vi.fn<Followed["onResponseHeaders"]>(),
  onResponseEnd: vi.fn<Followed["onResponseEnd"]>(),
  onRequestError: vi.fn<Followed["onRequestError"]>(),
  onConnected: vi.fn<Followed["onConnected"]>(),
});
const heard = (): unknown[] => error.mock.calls.map(([, text]) => text);
/** Publishes while somebody else listens too. */
function publishBeside(request: ChannelRequest, listener: (request: { headers: unknown }) => void): void {
  const foreign = (message: unknown): void => listener((message as { request: { headers: unknown } }).request);
  created.subscribe(foreign);
  ensureLastSubscriber();
  created.publish({ request });
  created.unsubscribe(foreign);
}

const RESPONSE_CHANNELS = ["headers", "trailers", "error"].map((name) => channel(`undici:request:${name}`));

it("what becomes of requests is listened to only once somebody needs it: undici makes a message for each", () => {
  expect(created.hasSubscribers).toBe(true);
  expect(RESPONSE_CHANNELS.map(({ hasSubscribers }) => hasSubscribers)).toEqual([false, false, false]);
  followResponses();
  followResponses();
  expect(RESPONSE_CHANNELS.map(({ hasSubscribers }) => hasSubscribers)).toEqual([true, true, true]);
});

describe("a request that carries a call's traceparent", () => {
  beforeEach(followResponses);

  it("who follows it need not ask what becomes of it", async () => {
    const call = begin();
    const { onRequestCreated, onConnected } = observer();
    call.observer = { onRequestCreated, onConnected };
    const request = requestOf(call);
    created.publish({ request });
    // What a subscriber throws is an uncaught exception, which fails the it.
    for (const responses of RESPONSE_CHANNELS) responses.publish({ request, response: { statusCode: 200 } });
    await new Promise(setImmediate);
    expect(onRequestCreated).toHaveBeenCalledOnce();
  });

  it("is told to whoever follows the call, with all that becomes of it", () => {
    const call = begin();
    const followed = observer();
    call.observer = followed;
    const request = requestOf(call);
    created.publish({ request });
    const socket = { remoteAddress: "127.0.0.1", remotePort: 80 };
    channel("undici:client:sendHeaders").publish({ request, headers: "GET / HTTP/1.1\r\n", socket });
    channel("undici:request:headers").publish({ request, response: { statusCode: 200, headers: ["a"] } });
    channel("undici:request:trailers").publish({ request });
    channel("undici:request:error").publish({ request, error: "reset" });
    const calls = Object.entries(followed).map(([name, { mock }]) => [name, mock.calls]);
    expect(Object.fromEntries(calls)).toEqual({
      onRequestCreated: [[request]],
      onResponseHeaders: [[200, ["a"]]],
      onResponseEnd: [[]],
      onRequestError: [["reset"]],
      onConnected: [["127.0.0.1", 80, "1.1"]],
    });
  });

  it.each<[string, object]>([
    ["over http/2", { headers: "GET / HTTP/2\r\n" }],
    ["whose headers are no text", { headers: [":method", "GET"] }],
  ])("%s: neither version nor a peer without a socket is told", (_, message) => {
    const call = begin();
    const followed = observer();
    call.observer = followed;
    const request = requestOf(call);
    created.publish({ request });
    channel("undici:client:sendHeaders").publish({ request, ...message });
    expect(followed.onConnected.mock.calls).toEqual([[undefined, undefined, undefined]]);
  });

  it("does not fail where somebody who follows it throws", () => {
    const call = begin();
    const followed = observer();
    followed.onRequestCreated.mockImplementation(() => {
      throw new Error("broken");
    });
    call.observer = followed;
    expect(() => created.publish({ request: requestOf(call) })).not.toThrow();
    expect(heard()).toEqual(["following a request threw; the request goes on without it"]);
  });

  it("to a URL that cannot be told goes its way", () => {
    const call = begin({ propagateTo: "agent.example" });
    const request = requestOf(call, { origin: undefined, path: "rpc" });
    const before = structuredClone(request.headers);
    expect(() => created.publish({ request })).not.toThrow();
    expect(heard()).toEqual(["following a request threw; the request goes on without it"]);
    expect(request.headers).toEqual(before);
  });

  it("to another origin carries what the policy lets it carry", () => {
    const call = begin({ propagateTo: "agent.example" });
    const request = requestOf(call, { origin: "http://other.example" });
    created.publish({ request });
    expect(request.headers).toEqual(["x-a", "1"]);
  });

  it("is seen by others under suppression, which ends with them", () => {
    const call = begin();
    const seen: boolean[] = [];
    publishBeside(requestOf(call), () => seen.push(call.suppressing));
    expect(seen).toEqual([true]);
    expect(call.suppressing).toBe(false);
  });

  it("keeps one traceparent, the first, where others have put more there", () => {
    const call = begin();
    const request = requestOf(call);
    const before = structuredClone(request.headers) as string[];
    publishBeside(
      request,
      ({ headers }) => void (headers as string[]).push("TraceParent", "theirs", "x-b", "2", "traceparent", "x"),
    );
    expect(request.headers).toEqual([...before, "x-b", "2"]);
    const alone = requestOf(call, { headers: [...before, "traceparent", "theirs"] });
    created.publish({ request: alone });
    expect(alone.headers).toEqual(before);
  });

  it("stays as others have made it where that is no array", () => {
    const request: { headers: unknown } & ChannelRequest = requestOf(begin());
    publishBeside(request, (theirs) => void (theirs.headers = "theirs"));
    expect(request.headers).toBe("theirs");
  });
});

it.each<[string, unknown]>([
  ["no array", "traceparent: x"],
  ["without one", ["x-a", "1"]],
  ["whose traceparent is of no call", ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]],
  ["whose traceparent is a list", ["traceparent", ["a", "b"]]],
  ["whose traceparent has no value", ["traceparent"]],
  ["whose names are no texts", [7, "1"]],
])("a request with headers %s is nobody's, and stays as it is", (_, headers) => {
  begin().observer = observer();
  const request = { origin: ORIGIN, path: "/", method: "GET", headers: structuredClone(headers) };
  created.publish({ request });
  expect(request).toEqual({ origin: ORIGIN, path: "/", method: "GET", headers });
});

it.each<[string | URL | undefined, string, string]>([
  ["http://a.example", "/p", "http://a.example/p"],
  ["http://a.example", "//p", "http://a.example//p"],
  [new URL("http://a.example/ignored"), "/p?q", "http://a.example/p?q"],
  ["http://proxy.example", "http://a.example/p", "http://a.example/p"],
])("the URL of a request to %s, path %s, is %s", (origin, path, url) => {
  expect(urlOfRequest({ origin, path, method: "GET", headers: [] })).toBe(url);
});

it("a re-send gets the headers of its attempt in place of the earlier one's", () => {
  const first = begin();
  const request = requestOf(first);
  const second = begin({}, first);
  replacePropagationHeaders(request, second);
  expect(request.headers).toEqual(["x-a", "1", "traceparent", second.headers?.["traceparent"]]);
  first.addPolicy(clientConfig("f", { propagateTo: [] }).policy);
  replacePropagationHeaders(request, begin({}, first));
  expect(request.headers).toEqual(["x-a", "1"]);
  const none = begin({ propagateTo: [] });
  replacePropagationHeaders(request, begin({ propagateTo: [] }, none));
  expect(request.headers).toEqual(["x-a", "1"]);
  const text = requestOf(first, { headers: "text" });
  replacePropagationHeaders(text, second);
  expect(text.headers).toBe("text");
  expect(findByTraceparent(first.traceparent!)).toBe(first);
});

it("a platform whose channels cannot be found is one without", async () => {
  vi.resetModules();
  const fresh = await import("../../../src/core/node/undici-channels.ts");
  const spy = vi.spyOn(process, "getBuiltinModule").mockImplementation(() => undefined);
  fresh.ensureLastSubscriber();
  expect(fresh.connectChannels()).toBe(false);
  spy.mockRestore();
});
