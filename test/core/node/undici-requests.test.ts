import { ROOT_CONTEXT, context, propagation } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { activeCalls, addActiveCall, removeActiveCall } from "../../../src/core/calls/active-calls.ts";
import type { ActiveCall } from "../../../src/core/calls/active-calls.ts";
import type { ClientCall } from "../../../src/core/calls/client-call.ts";
import { clientConfig } from "../../../src/core/calls/client-config.ts";
import type { ChannelRequest } from "../../../src/core/calls/request-observer.ts";
import { startCall } from "../../../src/core/calls/start-call.ts";
import { findCallOfRequest } from "../../../src/core/node/undici-requests.ts";
import type { ClientOptions } from "../../../src/core/telemetry/options.ts";
import { clearGlobals } from "../../support/telemetry.ts";

// Without an SDK no traceparent identifies a call: all calls of a received request forward the same baggage.
const ORIGIN = "http://agent.example";
const OTHER = "http://other.example";
const BAGGAGE = propagation.createBaggage({ user: { value: "1" }, tenant: { value: "2" } });
const RECEIVED = propagation.setBaggage(ROOT_CONTEXT, BAGGAGE);

let started: ClientCall[] = [];
beforeEach(() => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()));
afterEach(() => {
  for (const call of started) call.end();
  started = [];
  clearGlobals();
  expect(activeCalls).toEqual([]);
});

/** Starts a call that forwards the received baggage, and registers it as its adapter does. */
function forward(options: ClientOptions = {}, path = "/rpc"): ClientCall {
  const outbound = { method: "GET", url: `${ORIGIN}${path}`, headers: undefined, request: undefined };
  const call = context.with(RECEIVED, () => startCall(clientConfig("f", options), outbound)) as ClientCall;
  call.registerForRedirects();
  started.push(call);
  return call;
}
const requestTo = (origin: string, path: string, headers: string[] = ["baggage", "user=1,tenant=2"]): ChannelRequest => ({
  origin,
  path,
  method: "GET",
  headers,
});
const find = (request: ChannelRequest, active: Context = ROOT_CONTEXT): ClientCall | undefined =>
  findCallOfRequest(request, active, -1);
/** A call of another copy of this package that has issued every header. */
const foreignCall = (): ActiveCall => ({ traceparent: undefined, registryIndex: -1, hasIssued: () => true, awaits: () => false });

describe("findCallOfRequest() for a request that no traceparent identifies", () => {
  it("finds the call whose context the request is created in", () => {
    const call = forward();
    forward();
    expect(find(requestTo(ORIGIN, "/rpc"), call.context)).toBe(call);
  });

  it("finds the only call that has issued its headers", () => {
    const call = forward();
    expect(find(requestTo(OTHER, "/moved"))).toBe(call);
  });

  it("finds no call among several, and leaves the headers that all their policies allow", () => {
    forward();
    forward({ baggageKeys: ["user", "tenant"] });
    const request = requestTo(OTHER, "/moved");
    expect(find(request)).toBeUndefined();
    expect(request.headers).toEqual(["baggage", "user=1,tenant=2"]);
  });

  it("removes what the policy of one of several calls forbids", () => {
    forward();
    forward({ baggageTo: "agent.example" });
    const request = requestTo(OTHER, "/moved");
    expect(find(request)).toBeUndefined();
    expect(request.headers).toEqual([]);
  });

  it("leaves a request that several calls of another copy may have made", () => {
    const foreign = [foreignCall(), foreignCall()];
    for (const call of foreign) addActiveCall(call);
    const request = requestTo(OTHER, "/moved");
    expect(find(request)).toBeUndefined();
    expect(request.headers).toEqual(["baggage", "user=1,tenant=2"]);
    for (const call of foreign) removeActiveCall(call);
  });

  it("finds the call whose client was expected to request the URL", () => {
    const call = forward();
    call.awaitedUrls = [`${OTHER}/moved`];
    expect(find(requestTo(OTHER, "/moved", []))).toBe(call);
    expect(find(requestTo(OTHER, "/elsewhere", []))).toBeUndefined();
  });

  it("prefers the call of the context among those that await the URL", () => {
    const [first, second] = [forward(), forward()];
    for (const call of [first, second]) {
      call.awaitedUrls = [`${OTHER}/moved`];
      call.hasRequest = true;
    }
    expect(find(requestTo(OTHER, "/moved", []), second.context)).toBe(second);
    expect(find(requestTo(OTHER, "/moved", []))).toBe(first);
  });

  it("finds the call of the context for a repeated request without the call's headers", () => {
    const call = forward();
    call.hasRequest = true;
    expect(find(requestTo(ORIGIN, "/rpc", []), call.context)).toBe(call);
    call.end();
    expect(find(requestTo(ORIGIN, "/rpc", []), call.context)).toBeUndefined();
  });
});
