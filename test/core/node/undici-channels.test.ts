import { channel } from "node:diagnostics_channel";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Mock } from "vitest";
import type { ClientCall } from "../../../src/core/calls/client-call.ts";
import { clientConfig } from "../../../src/core/calls/client-config.ts";
import { findByTraceparent } from "../../../src/core/calls/active-calls.ts";
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
import { remainingCalls } from "../../support/active-calls.ts";
import { recordDiagnostics } from "../../support/diagnostics.ts";
import type { DiagnosticsRecorder } from "../../support/diagnostics.ts";
import { startTelemetry } from "../../support/telemetry.ts";
import type { TestTelemetry } from "../../support/telemetry.ts";

const ORIGIN = "http://agent.example";
const created = channel("undici:request:create");

let diagnostics: DiagnosticsRecorder;
let telemetry: TestTelemetry;
beforeEach(() => {
  connectChannels();
  telemetry = startTelemetry();
  diagnostics = recordDiagnostics();
});
/** The calls that a test has started. They are ended after it. */
let started: ClientCall[] = [];
afterEach(async () => {
  for (const call of started) call.end();
  started = [];
  await telemetry.stop();
  expect(remainingCalls()).toEqual([]);
});

const begin = (options: ClientOptions = {}, previous?: ClientCall): ClientCall => {
  const call = startCall(clientConfig("f", options), {
    method: "GET",
    url: `${ORIGIN}/rpc`,
    headers: undefined,
    request: undefined,
    previous,
  }) as ClientCall;
  started.push(call);
  return call;
};
const requestOf = (call: ClientCall, more: Partial<ChannelRequest> = {}): ChannelRequest => ({
  origin: ORIGIN,
  path: "/rpc",
  method: "GET",
  headers: ["x-a", "1", ...Object.entries(call.headers ?? {}).flat()],
  ...more,
});
type Followed = Required<Omit<RequestObserver, "onRequestSent" | "onSocket">>;
const observer = (): { [Name in keyof Followed]: Mock<Followed[Name]> } => ({
  onRequestCreated: vi.fn<Followed["onRequestCreated"]>(),
  onResponseHeaders: vi.fn<Followed["onResponseHeaders"]>(),
  onResponseEnd: vi.fn<Followed["onResponseEnd"]>(),
  onRequestError: vi.fn<Followed["onRequestError"]>(),
  onConnected: vi.fn<Followed["onConnected"]>(),
});
const errors = (): unknown[] => diagnostics.messages("error");
/** Publishes a request while another subscriber is present. */
function publishBeside(request: ChannelRequest, listener: (request: { headers: unknown }) => void): void {
  const foreign = (message: unknown): void => listener((message as { request: { headers: unknown } }).request);
  created.subscribe(foreign);
  ensureLastSubscriber();
  created.publish({ request });
  created.unsubscribe(foreign);
}

const RESPONSE_CHANNELS = ["headers", "trailers", "error"].map((name) => channel(`undici:request:${name}`));

describe("a request with the traceparent of a call", () => {
  beforeEach(followResponses);

  it("is observed by an observer without response callbacks", async () => {
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

  it("is reported to the call's observer from its creation to its end", () => {
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
    ["HTTP/2", { headers: "GET / HTTP/2\r\n" }],
    ["headers that are not a string", { headers: [":method", "GET"] }],
  ])("reports neither version nor peer of a message without a socket: %s", (_, message) => {
    const call = begin();
    const followed = observer();
    call.observer = followed;
    const request = requestOf(call);
    created.publish({ request });
    channel("undici:client:sendHeaders").publish({ request, ...message });
    expect(followed.onConnected.mock.calls).toEqual([[undefined, undefined, undefined]]);
  });

  it("logs an observer that throws and goes on", () => {
    const call = begin();
    const followed = observer();
    followed.onRequestCreated.mockImplementation(() => {
      throw new Error("broken");
    });
    call.observer = followed;
    expect(() => created.publish({ request: requestOf(call) })).not.toThrow();
    expect(errors()).toEqual(["following a request threw; the request goes on without it"]);
  });

  it("is left unchanged if its URL is invalid", () => {
    const call = begin({ propagateTo: "agent.example" });
    const request = requestOf(call, { origin: undefined, path: "rpc" });
    const before = structuredClone(request.headers);
    expect(() => created.publish({ request })).not.toThrow();
    expect(errors()).toEqual(["following a request threw; the request goes on without it"]);
    expect(request.headers).toEqual(before);
  });

  it("carries to another origin what the policy allows", () => {
    const call = begin({ propagateTo: "agent.example" });
    const request = requestOf(call, { origin: "http://other.example" });
    created.publish({ request });
    expect(request.headers).toEqual(["x-a", "1"]);
  });

  it("is suppressed for other subscribers only while they run", () => {
    const call = begin();
    const seen: boolean[] = [];
    publishBeside(requestOf(call), () => seen.push(call.suppressing));
    expect(seen).toEqual([true]);
    expect(call.suppressing).toBe(false);
  });

  it("suppresses both calls in turn if a subscriber dispatches another request while the first one is created", () => {
    const outer = begin();
    const inner = begin();
    const seen: string[] = [];
    let isNested = false;
    publishBeside(requestOf(outer), () => {
      if (isNested) {
        seen.push(`inner ${inner.suppressing}`);
        return;
      }
      isNested = true;
      seen.push(`outer ${outer.suppressing}`);
      created.publish({ request: requestOf(inner) });
      seen.push(`inner after ${inner.suppressing}, outer still ${outer.suppressing}`);
    });
    expect(seen).toEqual(["outer true", "inner true", "inner after false, outer still true"]);
    expect(outer.suppressing).toBe(false);
    expect(inner.suppressing).toBe(false);
    outer.end();
    inner.end();
  });

  it("keeps only the first traceparent if other subscribers add more", () => {
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

  it("keeps headers that another subscriber replaced by something other than an array", () => {
    const request: { headers: unknown } & ChannelRequest = requestOf(begin());
    publishBeside(request, (theirs) => void (theirs.headers = "theirs"));
    expect(request.headers).toBe("theirs");
  });
});

it.each<[string, unknown]>([
  ["not an array", "traceparent: x"],
  ["no traceparent", ["x-a", "1"]],
  ["the traceparent of another call", ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]],
  ["a list of traceparents", ["traceparent", ["a", "b"]]],
  ["a traceparent without a value", ["traceparent"]],
  ["names that are not strings", [7, "1"]],
])("leaves a request with unrelated headers unchanged: %s", (_, headers) => {
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
])("urlOfRequest() with the origin %s and the path %s is %s", (origin, path, url) => {
  expect(urlOfRequest({ origin, path, method: "GET", headers: [] })).toBe(url);
});

it("replacePropagationHeaders() replaces the headers of the previous attempt", () => {
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

it("connectChannels() returns false on a platform without diagnostics channels", async () => {
  vi.resetModules();
  const fresh = await import("../../../src/core/node/undici-channels.ts");
  const spy = vi.spyOn(process, "getBuiltinModule").mockImplementation(() => undefined);
  fresh.ensureLastSubscriber();
  expect(fresh.connectChannels()).toBe(false);
  spy.mockRestore();
});
