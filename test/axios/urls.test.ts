import axios, { AxiosHeaders, create } from "axios";
import type { AxiosInstance, AxiosRequestConfig } from "axios";
import * as fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { findBuild } from "../../src/clients/axios/build.ts";
import { requestUrl } from "../../src/clients/axios/url.ts";
import { instrumentAxios } from "../../src/axios.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let server: TestServer;
let telemetry: TestTelemetry;
let instance: AxiosInstance;

beforeAll(async () => {
  server = await serve({ ...ROUTES, "*": (_, response) => void response.writeHead(200).end() });
});
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  instance = create();
  instrumentAxios(instance);
});
afterEach(() => telemetry.stop());

async function requestedUrls(config: AxiosRequestConfig): Promise<{ span: unknown; wire: string }> {
  telemetry.reset();
  await instance.request({ baseURL: server.url, ...config });
  const [own] = await telemetry.ended(1);
  return { span: own!.attributes["url.full"], wire: server.url + server.requests.at(-1)!.url };
}

const CONFIGS: Record<string, AxiosRequestConfig> = {
  "baseURL and a path": { url: "/a/b" },
  "a path without a slash": { url: "a" },
  "no path": {},
  "a path with dots and spaces": { url: "/a/../b c?d=e f" },
  "flat parameters": { url: "/a", params: { one: 1, two: "zwei drei", on: true, none: null, not: undefined, time: "10:30,$" } },
  "parameters beside a query": { url: "/a?x=1", params: { y: 2 } },
  "parameters that are all null": { url: "/a", params: { none: null } },
  "arrays, dates and nested parameters": { url: "/a", params: { list: [1, 2], at: new Date(0), deep: { er: "x" } } },
  "brackets in values": { url: "/a", params: { list: "[1]" } },
  URLSearchParams: { url: "/a", params: new URLSearchParams({ q: "a b&c" }) },
  "a serializer": { url: "/a", params: { x: 1 }, paramsSerializer: { serialize: () => "made=up" } },
  "a serializer function": { url: "/a", params: { x: 1 }, paramsSerializer: () => "made=up" },
  "an encoder": { url: "/a", params: { x: "y" }, paramsSerializer: { encode: (value) => value.toUpperCase() } },
  indexes: { url: "/a", params: { list: [1, 2] }, paramsSerializer: { indexes: null } },
};

describe.each(["http", "fetch"] as const)(
  "url.full through the %s adapter is the URL that the server received, with",
  (adapter) => {
    it.each(Object.keys(CONFIGS))("%s", async (name) => {
      const { span, wire } = await requestedUrls({ ...CONFIGS[name], adapter });
      expect(span).toBe(wire);
    });

    it("a serializer that is called once", async () => {
      let calls = 0;
      const paramsSerializer = { serialize: () => `call=${++calls}` };
      const { span, wire } = await requestedUrls({ url: "/a", params: { x: 1 }, paramsSerializer, adapter });
      expect({ span, wire, calls }).toEqual({ span: `${server.url}/a?call=1`, wire: `${server.url}/a?call=1`, calls: 1 });
    });
  },
);

/** The properties of an error without its stack and its config. */
const propertiesOf = (error: unknown): unknown => Object.assign({}, error, { stack: "", config: "" });

describe("url.full", () => {
  it("ignores baseURL for an absolute URL, unless allowAbsoluteUrls is false", async () => {
    expect((await requestedUrls({ baseURL: "http://nowhere.example", url: `${server.url}/a` })).span).toBe(`${server.url}/a`);
    const { span, wire } = await requestedUrls({ url: "http://other.example/a", allowAbsoluteUrls: false });
    expect(span).toBe(wire);
  });

  it("contains neither `auth` nor the user info of a URL", async () => {
    const auth = { username: "user", password: "secret" };
    expect((await requestedUrls({ url: "/a", auth })).span).toBe(`${server.url}/a`);
    const { span } = await requestedUrls({ url: `${server.url.replace("//", "//user:secret@")}/a` });
    expect(span).toBe(`http://REDACTED:REDACTED@127.0.0.1:${server.port}/a`);
    expect(server.requests.at(-1)!.headers.authorization).toBe("Basic dXNlcjpzZWNyZXQ=");
  });

  it("redacts sensitive parameters", async () => {
    const { span } = await requestedUrls({ url: "/a", params: { sig: "secret", x: 1 } });
    expect(span).toBe(`${server.url}/a?sig=REDACTED&x=1`);
  });

  it("has no query if the serializer throws, and axios rejects as without instrumentation", async () => {
    const thrown = new Error("no such parameter");
    let calls = 0;
    const serialize = (): never => {
      calls++;
      throw thrown;
    };
    const config: AxiosRequestConfig = { params: { x: 1 }, paramsSerializer: { serialize } };
    const plain = await axios.get(`${server.url}/a`, config).catch((error: unknown) => error as Error);
    const traced = await instance.get(`${server.url}/a`, config).catch((error: unknown) => error as Error);
    expect(propertiesOf(traced)).toEqual(propertiesOf(plain));
    expect(calls).toBe(2);
    const [own] = await telemetry.ended(1);
    expect(own!.attributes["url.full"]).toBe(`${server.url}/a`);
  });

  it("is the given text if that is not a URL", async () => {
    await expect(instance.get("http://[not a url")).rejects.toThrow("Invalid URL");
    const [own] = await telemetry.ended(1);
    expect(own!.attributes["url.full"]).toBe("http://[not a url");
  });

  it("contains only the media type of a data: URL", async () => {
    expect((await instance.get<string>("data:text/plain,secret", { responseType: "text" })).data).toBe("secret");
    const [own] = await telemetry.ended(1);
    expect(own!.attributes["url.full"]).toBe("data:text/plain,");
  });

  it("equals the result of axios.getUri for any base, path and parameters", () => {
    const build = findBuild(axios, { headers: new AxiosHeaders() });
    const path = fc.stringMatching(/^[\w/.?=&#%:@ -]{0,12}$/);
    const value = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.double(),
      fc.constant(null),
      fc.constant(undefined),
      fc.array(fc.string()),
    );
    fc.assert(
      fc.property(path, path, fc.dictionary(fc.string({ minLength: 1 }), value), (base, url, params) => {
        const config = { baseURL: `http://host.example/${base}`, url, params };
        expect(requestUrl(config, build).href).toBe(normalized(axios.getUri(config)));
      }),
    );
  });
});

function normalized(url: string): string {
  return URL.canParse(url) ? new URL(url).href : url;
}
