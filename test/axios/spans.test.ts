import { createRequire } from "node:module";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import axios, { AxiosError, create } from "axios";
import type { AxiosAdapter, AxiosInstance, AxiosRequestConfig } from "axios";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { instrumentFetch } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { Recorded, TestServer } from "../support/server.ts";
import { shapeOf, inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";

let server: TestServer;
let telemetry: TestTelemetry;
let instance: AxiosInstance;

beforeAll(async () => {
  server = await serve(ROUTES);
});
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  instance = create();
  instrumentAxios(instance);
});
afterEach(() => telemetry.stop());

/** The whole span of a request to the test's server. */
function span(path: string, more: Partial<SpanShape> = {}, method = "GET"): SpanShape {
  const { attributes, ...rest } = more;
  return {
    name: method,
    kind: SpanKind.CLIENT,
    status: SpanStatusCode.UNSET,
    attributes: {
      "http.request.method": method,
      "server.address": "127.0.0.1",
      "server.port": server.port,
      "url.full": server.url + path,
      ...attributes,
    },
    events: [],
    ...rest,
  };
}

/** The attributes that are known when a response has arrived. */
function connection(status: number): SpanShape["attributes"] {
  return {
    "http.response.status_code": status,
    "network.peer.address": "127.0.0.1",
    "network.peer.port": server.port,
    "network.protocol.version": "1.1",
  };
}

// The boundary of a form is random.
const BOUNDARY = /(?<=--|boundary=)[\w.-]+/g;

/** The parts of a request and its response that are the same each time. */
const comparable = ({ body, received: { headers } }: Echo): unknown => {
  const { traceparent: _, "content-type": type, ...others } = headers;
  return { body: body.replace(BOUNDARY, ""), type: type?.replace(BOUNDARY, ""), others };
};

interface Echo {
  body: string;
  received: Recorded;
}

const ADAPTERS = ["http", "fetch"] as const;

describe.each(ADAPTERS)("a call through the %s adapter", (adapter) => {
  it("has a CLIENT span whose traceparent is sent, and returns the response of axios", async () => {
    const response = await inSpan("application", () => instance.get<{ answer: number }>(`${server.url}/json`, { adapter }));
    expect(response.data).toEqual({ answer: 42 });
    const [own] = await telemetry.ended(1);
    expect(shapeOf(own!)).toEqual(span("/json", { attributes: connection(200) }));
    expect(server.values("traceparent")).toEqual([traceparentOf(own!)]);
    expect(own!.parentSpanContext?.spanId).toBe(
      telemetry
        .spans()
        .find(({ name }) => name === "application")
        ?.spanContext().spanId,
    );
  });

  it("returns config, headers and adapter as they are without instrumentation", async () => {
    const plain = await axios.get<string>(`${server.url}/ok`, { adapter, headers: { "X-One": "1" } });
    const traced = await instance.get<string>(`${server.url}/ok`, { adapter, headers: { "X-One": "1" } });
    expect(traced.config.adapter).toBe(adapter);
    expect(traced.config.headers).toEqual(plain.config.headers);
    expect(Object.keys(traced.config)).toEqual(Object.keys(plain.config));
    expect(server.values("traceparent")).toHaveLength(1);
  });

  it("records an error without an exception for a status of 500", async () => {
    const error = await instance.get(`${server.url}/broken`, { adapter }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AxiosError);
    const [own] = await telemetry.ended(1);
    expect(shapeOf(own!)).toEqual(
      span("/broken", { status: SpanStatusCode.ERROR, attributes: { ...connection(500), "error.type": "500" } }),
    );
  });

  it("records no error if validateStatus rejects a status of 200", async () => {
    await expect(instance.get(`${server.url}/ok`, { adapter, validateStatus: () => false })).rejects.toThrow("status code 200");
    const [own] = await telemetry.ended(1);
    expect(shapeOf(own!)).toEqual(span("/ok", { attributes: connection(200) }));
  });

  it("records each hop of a redirect as an attempt", async () => {
    await instance.get(`${server.url}/redirect`, { adapter });
    const [first, hop] = await telemetry.ended(2);
    expect(shapeOf(first!)).toEqual(span("/redirect", { attributes: connection(302) }));
    expect(shapeOf(hop!)).toEqual(span("/ok", { attributes: { ...connection(200), "http.request.resend_count": 1 } }));
    expect(server.requests.slice(-2).map((request) => server.values("traceparent", request))).toEqual([
      [traceparentOf(first!)],
      [traceparentOf(hop!)],
    ]);
  });

  it("records ECONNREFUSED if the connection is refused", async () => {
    const port = await freePort();
    await expect(instance.get(`http://127.0.0.1:${port}/`, { adapter })).rejects.toBeInstanceOf(AxiosError);
    const [own] = await telemetry.ended(1);
    const { attributes, status, events } = shapeOf(own!);
    expect({ status, events, type: attributes["error.type"] }).toEqual({
      status: SpanStatusCode.ERROR,
      events: ["exception"],
      type: "ECONNREFUSED",
    });
  });

  it.each(["post", "put", "patch"] as const)("sends forms, parameters, JSON and text byte for byte by %s", async (method) => {
    const form = new FormData();
    form.append("field", "value");
    const config = { adapter, transformResponse: (text: string) => text };
    const bodies = [{ a: 1 }, new URLSearchParams({ a: "1", b: "é" }), form, "text"];
    const echoes = async (client: AxiosInstance): Promise<unknown[]> => {
      const seen: unknown[] = [];
      for (const sent of bodies) {
        // oxlint-disable-next-line no-await-in-loop -- one request after the other
        const { data } = await client[method]<string>(`${server.url}/echo`, sent, config);
        seen.push(comparable({ body: data, received: server.requests.at(-1)! }));
      }
      return seen;
    };
    expect(await echoes(instance)).toEqual(await echoes(axios));
    const ended = await telemetry.ended(4);
    expect(shapeOf(ended[0]!)).toEqual(span("/echo", { attributes: connection(200) }, method.toUpperCase()));
  });

  it("has one span and one traceparent if the global fetch is instrumented too", async () => {
    const undo = instrumentFetch();
    try {
      await instance.get(`${server.url}/ok`, { adapter });
    } finally {
      undo();
    }
    const [own] = await telemetry.ended(1);
    expect(server.values("traceparent")).toEqual([traceparentOf(own!)]);
  });
});

async function freePort(): Promise<number> {
  const gone = await serve({});
  await gone.close();
  return gone.port;
}

describe("a call", () => {
  it("through an adapter of the application's has a span, and the adapter receives its own config", async () => {
    let seen: AxiosRequestConfig | undefined;
    let traceparent: unknown;
    const custom: AxiosAdapter = async (config) => {
      seen = { ...config };
      traceparent = config.headers.get("Traceparent");
      return { data: "made up", status: 203, statusText: "", headers: {}, config, request: undefined };
    };
    const response = await instance.get(`${server.url}/ok`, { adapter: custom });
    expect(response.data).toBe("made up");
    expect(seen?.adapter).toBe(custom);
    const [own] = await telemetry.ended(1);
    expect(shapeOf(own!)).toEqual(span("/ok", { attributes: { "http.response.status_code": 203 } }));
    expect(traceparent).toBe(traceparentOf(own!));
  });

  it("through an adapter that throws, or returns no promise, is rejected as without instrumentation", async () => {
    const thrown = new Error("thrown");
    const throwing: AxiosAdapter = () => {
      throw thrown;
    };
    await expect(instance.get(server.url, { adapter: throwing })).rejects.toBe(thrown);
    const none = (() => undefined) as unknown as AxiosAdapter;
    await expect(instance.get(server.url, { adapter: none })).rejects.toThrow(TypeError);
    expect((await telemetry.ended(2)).map((own) => own.attributes["error.type"])).toEqual(["Error", undefined]);
  });

  it("through an adapter that returns a lazy thenable subscribes to it once", async () => {
    let subscriptions = 0;
    const lazy = ((config: unknown) => ({
      // oxlint-disable-next-line unicorn/no-thenable -- this is what the test is about
      then: (ok: (response: unknown) => unknown) => {
        subscriptions++;
        return Promise.resolve({ data: "lazy", status: 200, headers: {}, config }).then(ok);
      },
    })) as unknown as AxiosAdapter;
    expect((await instance.get<string>(server.url, { adapter: lazy })).data).toBe("lazy");
    expect(subscriptions).toBe(1);
    await telemetry.ended(1);
  });

  it("with an unknown adapter is rejected by axios, without a span", async () => {
    await expect(instance.get(server.url, { adapter: "carrier-pigeon" })).rejects.toThrow("Unknown adapter 'carrier-pigeon'");
    await telemetry.ended(0);
  });

  it("of an instance of the CommonJS build is rejected with errors of that build", async () => {
    const commonjs = createRequire(import.meta.url)("axios") as typeof axios;
    expect(commonjs.AxiosError).not.toBe(AxiosError);
    const other = commonjs.create();
    instrumentAxios(other);
    await expect(other.get(`${server.url}/missing`)).rejects.toBeInstanceOf(commonjs.AxiosError);
    await expect(other.get(`${server.url}/stall`, { timeout: 20 })).rejects.toBeInstanceOf(commonjs.AxiosError);
    await telemetry.ended(2);
  });

  it("has no span if transformRequest throws or it is aborted before it begins", async () => {
    const thrown = new Error("transform");
    const transformRequest = (): never => {
      throw thrown;
    };
    await expect(instance.post(server.url, {}, { transformRequest })).rejects.toBe(thrown);
    await expect(instance.get(server.url, { signal: AbortSignal.abort() })).rejects.toThrow("canceled");
    await telemetry.ended(0);
  });

  it("has a span without an error if transformResponse throws", async () => {
    const thrown = new Error("transform");
    const transformResponse = (): never => {
      throw thrown;
    };
    await expect(instance.get(`${server.url}/ok`, { transformResponse })).rejects.toBe(thrown);
    const [own] = await telemetry.ended(1);
    expect(shapeOf(own!)).toEqual(span("/ok", { attributes: connection(200) }));
  });
});
