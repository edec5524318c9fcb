import type { Readable } from "node:stream";
import { create } from "axios";
import type { AxiosError, AxiosInstance, InternalAxiosRequestConfig } from "axios";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import type { AxiosOptions } from "../../src/axios.ts";
import { activeCalls } from "../../src/core/calls/active-calls.ts";
import { instrumentFetch } from "../../src/fetch.ts";
import { SDK_STATES, inReceivedRequest, inReceivedTrace, startState } from "../support/incoming.ts";
import { onlyOutcome, succeeded } from "../support/outcome.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { Recorded, TestServer } from "../support/server.ts";
import { startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let partner: TestServer;
let stranger: TestServer;

beforeAll(async () => {
  stranger = await serve({
    ...ROUTES,
    "/back": (_, response) => void response.writeHead(302, { location: `${partner.url}/ok` }).end(),
  });
  partner = await serve({
    ...ROUTES,
    "/elsewhere": (_, response) => void response.writeHead(302, { location: `${stranger.url}/ok` }).end(),
    "/elsewhere-and-back": (_, response) => void response.writeHead(302, { location: `${stranger.url}/back` }).end(),
  });
});
afterAll(async () => {
  await partner.close();
  await stranger.close();
});

const strict = (): Pick<AxiosOptions, "propagateTo" | "baggageKeys"> => ({ propagateTo: partner.url, baggageKeys: ["tenant"] });
const other: AxiosOptions = { a2a: false };

type Instrument = (instance: AxiosInstance) => void;
const twice =
  (first: AxiosOptions, second: AxiosOptions): Instrument =>
  (instance) => {
    instrumentAxios(instance, first);
    instrumentAxios(instance, second);
  };

/** Instrumentations whose policies together are those of `strict()`. */
const STACKINGS: Record<string, Instrument> = {
  "first without options, then strictly": (instance) => twice({}, strict())(instance),
  "first strictly, then with other options": (instance) => twice(strict(), other)(instance),
  "strictly twice": (instance) => twice(strict(), strict())(instance),
  "with half of the policy each": (instance) => twice({ propagateTo: partner.url }, { baggageKeys: ["tenant"] })(instance),
  "strictly, then without options": (instance) => twice(strict(), {})(instance),
  "three times": (instance) => {
    twice({}, strict())(instance);
    instrumentAxios(instance, other);
  },
  "by two copies of the package": (instance) => {
    instrumentAxios(instance);
    instrumentByCopy(instance, strict());
  },
};

let instrumentByCopy: typeof instrumentAxios;
beforeAll(async () => {
  vi.resetModules();
  ({ instrumentAxios: instrumentByCopy } = await import("../../src/axios.ts"));
});

/** The propagation headers of a request. */
const sent = (server: TestServer, request: Recorded): object => ({
  traceparent: server.values("traceparent", request).length,
  baggage: server.values("baggage", request),
});
const ALLOWED = { traceparent: 1, baggage: ["tenant=1"] };
const NOTHING = { traceparent: 0, baggage: [] };

describe.each(SDK_STATES)("%s", (state) => {
  let telemetry: Pick<TestTelemetry, "own" | "settled" | "stop">;
  beforeEach(() => {
    telemetry = startState(state);
    for (const server of [partner, stranger]) server.requests.length = 0;
  });
  afterEach(async () => {
    expect(activeCalls).toEqual([]);
    await telemetry.stop();
  });

  const sentTo = (server: TestServer): object[] => server.requests.map((request) => sent(server, request));
  const issuedTraceparents = (): unknown[] => (state === "recorded" ? telemetry.own().map(traceparentOf) : [expect.any(String)]);
  const expectSpans = async (count: number): Promise<void> => {
    await telemetry.settled();
    expect(telemetry.own()).toHaveLength(state === "recorded" ? count : 0);
  };

  describe.each(["http", "fetch"] as const)("through the %s adapter", (adapter) => {
    describe.each(Object.keys(STACKINGS))("an instance that is instrumented %s", (name) => {
      let instance: AxiosInstance;
      beforeEach(() => {
        instance = create({ adapter });
        STACKINGS[name]!(instance);
      });

      it("sends a host what all policies allow, under one span", async () => {
        await inReceivedRequest(() => instance.get(`${partner.url}/ok`));
        expect(sentTo(partner)).toEqual([ALLOWED]);
        await expectSpans(1);
        expect(partner.values("traceparent")).toEqual(issuedTraceparents());
      });

      it("sends nothing to a host that one policy excludes, under one span", async () => {
        await inReceivedRequest(() => instance.get(`${stranger.url}/ok`));
        expect(sentTo(stranger)).toEqual([NOTHING]);
        await expectSpans(1);
      });

      it("sends nothing to an excluded host that a redirect leads to, under one span for each hop", async () => {
        await inReceivedRequest(() => instance.get(`${partner.url}/elsewhere`));
        expect(sentTo(partner)).toEqual([ALLOWED]);
        expect(sentTo(stranger)).toEqual([NOTHING]);
        await expectSpans(2);
      });

      it("sends nothing to an excluded host that a redirect leads to, without baggage", async () => {
        await inReceivedTrace(() => instance.get(`${partner.url}/elsewhere`));
        expect(sentTo(partner)).toEqual([{ traceparent: 1, baggage: [] }]);
        expect(sentTo(stranger)).toEqual([NOTHING]);
        await expectSpans(2);
      });

      it("sends the headers again to an allowed host that redirects lead back to", async () => {
        await inReceivedRequest(() => instance.get(`${partner.url}/elsewhere-and-back`));
        expect(sentTo(partner)).toEqual([ALLOWED, ALLOWED]);
        expect(sentTo(stranger)).toEqual([NOTHING]);
        await expectSpans(3);
      });

      it("restores the config of the response", async () => {
        const { config } = await inReceivedRequest(() => instance.get(`${partner.url}/ok`, { headers: { "X-A": "1" } }));
        expect(config.adapter).toBe(adapter);
        expect(Object.keys(config.headers)).not.toContain("traceparent");
        await expectSpans(1);
      });
    });
  });

  describe("an instance that is instrumented strictly, with the fetch adapter over a default instrumentFetch()", () => {
    let instance: AxiosInstance;
    let undo: () => void;
    beforeEach(() => {
      undo = instrumentFetch();
      instance = create({ adapter: "fetch" });
      instrumentAxios(instance, strict());
    });
    afterEach(() => undo());

    it("sends an allowed host the headers, under one span", async () => {
      await inReceivedRequest(() => instance.get(`${partner.url}/ok`));
      expect(sentTo(partner)).toEqual([ALLOWED]);
      await expectSpans(1);
    });

    it("sends nothing to an excluded host, under one span", async () => {
      await inReceivedRequest(() => instance.get(`${stranger.url}/ok`));
      expect(sentTo(stranger)).toEqual([NOTHING]);
      await expectSpans(1);
    });

    it("sends nothing to an excluded host that a redirect leads to, on a warm socket too", async () => {
      for (let i = 0; i < 3; i++) {
        // oxlint-disable-next-line no-await-in-loop -- one request after the other
        await inReceivedRequest(() => instance.get(`${partner.url}/elsewhere`));
      }
      expect(sentTo(partner)).toEqual([ALLOWED, ALLOWED, ALLOWED]);
      expect(sentTo(stranger)).toEqual([NOTHING, NOTHING, NOTHING]);
      await expectSpans(6);
    });
  });

  it("a default instance with the fetch adapter over a strict instrumentFetch() sends nothing to an excluded host", async () => {
    const undo = instrumentFetch(strict());
    const instance = create({ adapter: "fetch" });
    instrumentAxios(instance);
    await inReceivedRequest(() => instance.get(`${partner.url}/elsewhere`));
    await inReceivedTrace(() => instance.get(`${partner.url}/elsewhere`));
    await inReceivedRequest(() => instance.get(`${stranger.url}/ok`));
    undo();
    expect(sentTo(partner)).toEqual([ALLOWED, { traceparent: 1, baggage: [] }]);
    expect(sentTo(stranger)).toEqual([NOTHING, NOTHING, NOTHING]);
    await expectSpans(5);
  });
});

describe("an instance that is instrumented twice", () => {
  let telemetry: TestTelemetry;
  let instance: AxiosInstance;
  beforeEach(() => {
    telemetry = startTelemetry();
    instance = create();
  });
  afterEach(() => telemetry.stop());

  const named = (name: string): AxiosOptions => ({ urlTemplate: () => name });

  it.each([true, false])("records the span with the options of the second call (reverse order: %s)", async (reverse) => {
    const made = create({ transitional: { legacyInterceptorReqResOrdering: reverse } });
    twice(named("/first"), named("/second"))(made);
    await made.get(`${partner.url}/ok`);
    made.interceptors.request.use((config: InternalAxiosRequestConfig) => config);
    await made.get(`${partner.url}/ok`);
    expect((await telemetry.ended(2)).map(({ name }) => name)).toEqual(["GET /second", "GET /second"]);
  });

  it("applies the policy of the second call until that is undone", async () => {
    instrumentAxios(instance);
    const undo = instrumentAxios(instance, { propagateTo: [] });
    await instance.get(`${partner.url}/ok`);
    expect(partner.values("traceparent")).toEqual([]);
    undo();
    await instance.get(`${partner.url}/ok`);
    expect(partner.values("traceparent")).toHaveLength(1);
    expect(await telemetry.ended(2)).toHaveLength(2);
  });

  it("keeps the policy of the second call if the first is undone", async () => {
    const undoFirst = instrumentAxios(instance);
    const undoSecond = instrumentAxios(instance, { propagateTo: [] });
    undoFirst();
    await instance.get(`${partner.url}/ok`);
    expect(partner.values("traceparent")).toEqual([]);
    undoSecond();
    await instance.get(`${partner.url}/ok`);
    expect(await telemetry.ended(1)).toHaveLength(1);
  });

  it("records a failed config that is sent again as the next attempt", async () => {
    twice({}, other)(instance);
    const error = (await instance.get(`${partner.url}/missing`).catch((reason: unknown) => reason)) as AxiosError;
    await instance.request({ ...error.config, url: `${partner.url}/ok` });
    const spans = await telemetry.ended(2);
    expect(spans.map(({ attributes }) => attributes["http.request.resend_count"])).toEqual([undefined, 1]);
    expect(partner.values("traceparent")).toEqual([traceparentOf(spans[1]!)]);
  });

  it.each(["http", "fetch"])("ends the span with the last byte of a stream of the %s adapter", async (adapter) => {
    twice({}, other)(instance);
    const { data } = await instance.get<Readable | ReadableStream>(`${partner.url}/events`, { adapter, responseType: "stream" });
    expect(telemetry.own()).toEqual([]);
    for await (const _ of data as AsyncIterable<unknown>);
    expect(await onlyOutcome(telemetry)).toEqual(succeeded());
  });

  it("sends the request by an adapter of the application's once, which receives its own config", async () => {
    twice({}, other)(instance);
    const seen: unknown[] = [];
    const adapter = async (config: InternalAxiosRequestConfig): Promise<never> => {
      seen.push(config.adapter);
      return { data: "", status: 200, statusText: "", headers: {}, config } as never;
    };
    await instance.get(`${partner.url}/ok`, { adapter });
    expect(seen).toEqual([adapter]);
    expect(await telemetry.ended(1)).toHaveLength(1);
  });
});
