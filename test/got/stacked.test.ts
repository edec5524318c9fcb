import got from "got";
import type { Got } from "got";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { activeCalls } from "../../src/core/calls/active-calls.ts";
import { wrapGot } from "../../src/got.ts";
import type { GotOptions } from "../../src/got.ts";
import { SDK_STATES, inReceivedRequest, inReceivedTrace, startState } from "../support/incoming.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { Recorded, TestServer } from "../support/server.ts";
import { traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let partner: TestServer;
let stranger: TestServer;
let busy = 0;

beforeAll(async () => {
  stranger = await serve(ROUTES);
  partner = await serve({
    ...ROUTES,
    "/busy": (_, response) => void response.writeHead(busy-- > 0 ? 503 : 200).end("at last"),
    "/elsewhere": (_, response) => void response.writeHead(302, { location: `${stranger.url}/ok` }).end(),
  });
});
afterAll(async () => {
  await partner.close();
  await stranger.close();
});

const plain = got.extend({ retry: { limit: 1, calculateDelay: ({ computedValue }) => (computedValue > 0 ? 1 : 0) } });
const strict = (): GotOptions => ({ propagateTo: partner.url, baggageKeys: ["tenant"] });
const other: GotOptions = { a2a: false };

/** Instances whose policies together are those of `strict()`. */
const STACKINGS: Record<string, () => Got> = {
  "a strict one around a default one": () => wrapGot(wrapGot(plain), strict()),
  "a default one around a strict one": () => wrapGot(wrapGot(plain, strict()), other),
  "a strict one around a strict one": () => wrapGot(wrapGot(plain, strict()), strict()),
  "two halves of the policy": () => wrapGot(wrapGot(plain, { propagateTo: partner.url }), { baggageKeys: ["tenant"] }),
  "a strict one around an extended default one": () => wrapGot(wrapGot(plain).extend({ headers: { "x-a": "1" } }), strict()),
  "a default one merged with a strict one": () => wrapGot(plain).extend(wrapGot(plain, strict())),
  "a strict one merged with itself": () => {
    const instance = wrapGot(plain, strict());
    return instance.extend(instance);
  },
  three: () => wrapGot(wrapGot(wrapGot(plain), strict()), other),
};

describe.each(SDK_STATES)("a got instance that is wrapped more than once, %s", (state) => {
  let telemetry: Pick<TestTelemetry, "own" | "settled" | "stop">;
  beforeEach(() => {
    telemetry = startState(state);
    for (const server of [partner, stranger]) server.requests.length = 0;
  });
  afterEach(async () => {
    expect(activeCalls).toEqual([]);
    await telemetry.stop();
  });

  /** The propagation headers of a request. */
  const sent = (server: TestServer, request: Recorded): object => ({
    traceparent: server.values("traceparent", request).length,
    baggage: server.values("baggage", request),
  });
  const ALLOWED = { traceparent: 1, baggage: ["tenant=1"] };
  const NOTHING = { traceparent: 0, baggage: [] };
  const issuedTraceparents = (): unknown[] => (state === "recorded" ? telemetry.own().map(traceparentOf) : [expect.any(String)]);
  const expectSpans = async (count: number): Promise<void> => {
    await telemetry.settled();
    expect(telemetry.own()).toHaveLength(state === "recorded" ? count : 0);
  };

  describe.each(Object.keys(STACKINGS))("as %s", (name) => {
    it("sends a host what all policies allow, under one span", async () => {
      await inReceivedRequest(() => STACKINGS[name]!()(`${partner.url}/ok`));
      expect(partner.requests.map((request) => sent(partner, request))).toEqual([ALLOWED]);
      await expectSpans(1);
      expect(partner.values("traceparent")).toEqual(issuedTraceparents());
    });

    it("sends nothing to a host that one policy excludes, under one span", async () => {
      await inReceivedRequest(() => STACKINGS[name]!()(`${stranger.url}/ok`));
      expect(stranger.requests.map((request) => sent(stranger, request))).toEqual([NOTHING]);
      await expectSpans(1);
    });

    it("sends nothing to an excluded host that a redirect leads to, under one span for each hop", async () => {
      await inReceivedRequest(() => STACKINGS[name]!()(`${partner.url}/elsewhere`));
      expect(partner.requests.map((request) => sent(partner, request))).toEqual([ALLOWED]);
      expect(stranger.requests.map((request) => sent(stranger, request))).toEqual([NOTHING]);
      await expectSpans(2);
    });

    it("sends nothing to an excluded host that a redirect leads to, without baggage", async () => {
      await inReceivedTrace(() => STACKINGS[name]!()(`${partner.url}/elsewhere`));
      expect(partner.requests.map((request) => sent(partner, request))).toEqual([{ traceparent: 1, baggage: [] }]);
      expect(stranger.requests.map((request) => sent(stranger, request))).toEqual([NOTHING]);
      await expectSpans(2);
    });

    it("has one span for each retry", async () => {
      busy = 1;
      await inReceivedRequest(() => STACKINGS[name]!()(`${partner.url}/busy`));
      expect(partner.requests.map((request) => sent(partner, request))).toEqual([ALLOWED, ALLOWED]);
      await expectSpans(2);
    });

    it("has one span for a stream", async () => {
      await inReceivedRequest(() => STACKINGS[name]!().stream(`${partner.url}/ok`).toArray());
      expect(partner.requests.map((request) => sent(partner, request))).toEqual([ALLOWED]);
      await expectSpans(1);
    });
  });

  it("finds only the application's hooks in the options of the response", async () => {
    const own = (): void => {};
    const { request } = await STACKINGS["three"]!()(`${partner.url}/redirect`, { hooks: { beforeRequest: [own] } });
    expect(request.options.hooks.beforeRequest).toEqual([own]);
  });
});

it("returns a traced instance as it is if no option has a value", () => {
  const traced = wrapGot(got);
  expect(wrapGot(traced, { propagateTo: undefined })).toBe(traced);
});

it("records the span with the options of the outermost wrapper", async () => {
  const telemetry = startState("recorded");
  const named = (name: string): GotOptions => ({ urlTemplate: () => name });
  await wrapGot(wrapGot(got, named("/inner")), named("/outer"))(`${partner.url}/ok`);
  expect(telemetry.own().map(({ name }) => name)).toEqual(["GET /outer"]);
  await telemetry.stop();
});
