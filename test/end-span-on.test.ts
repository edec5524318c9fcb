import { get } from "node:http";
import axios from "axios";
import got from "got";
import { Agent, interceptors } from "undici";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instrumentAxios } from "../src/axios.ts";
import { wrapFetch } from "../src/fetch.ts";
import { wrapGot } from "../src/got.ts";
import type { ClientOptions } from "../src/index.ts";
import { instrumentNode } from "../src/node.ts";
import { traceInterceptor } from "../src/undici.ts";
import { recordDiagnostics } from "./support/diagnostics.ts";
import { ROUTES, serve } from "./support/server.ts";
import type { TestServer } from "./support/server.ts";
import { startTelemetry } from "./support/telemetry.ts";
import type { TestTelemetry } from "./support/telemetry.ts";

/** The open response of the path `/stream`. */
let finish: () => void = () => {};
let server: TestServer;
let telemetry: TestTelemetry;
let undo = (): void => {};
beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/stream": (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: first\n\n");
      finish = () => response.end("data: last\n\n");
    },
    "/unavailable": (request, response) =>
      void (request.headers["x-attempt"] === "2" || server.requests.filter(({ url }) => url === "/unavailable").length > 1
        ? response.end("hello")
        : response.writeHead(503).end()),
  });
});
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  server.requests.length = 0;
});
afterEach(async () => {
  undo();
  undo = () => {};
  await telemetry.stop();
});

type Options = Pick<ClientOptions, "endSpanOn">;
/** Sends a request, and returns when the headers of the response have arrived, with a function that reads the rest. */
type Open = (url: string) => Promise<() => Promise<string>>;

const CLIENTS: Record<string, (options: Options) => Open> = {
  fetch: (options) => {
    const traced = wrapFetch(fetch, options as object);
    return async (url) => {
      const response = await traced(url);
      return () => response.text();
    };
  },
  undici: (options) => {
    const dispatcher = new Agent().compose(traceInterceptor(options));
    return async (url) => {
      const { origin, pathname } = new URL(url);
      const { body } = await dispatcher.request({ origin, path: pathname, method: "GET" });
      return () => body.text();
    };
  },
  axios: (options) => {
    const instance = axios.create({ responseType: "stream", adapter: "http" });
    instrumentAxios(instance, options as object);
    return async (url) => {
      const { data } = await instance.get<AsyncIterable<Uint8Array>>(url);
      return () => textOf(data);
    };
  },
  "axios with the fetch adapter": (options) => {
    const instance = axios.create({ responseType: "stream", adapter: "fetch" });
    instrumentAxios(instance, options as object);
    return async (url) => {
      const { data } = await instance.get<AsyncIterable<Uint8Array>>(url);
      return () => textOf(data);
    };
  },
  got: (options) => {
    const traced = wrapGot(got, options as object);
    return async (url) => {
      const stream = traced.stream(url);
      await new Promise((resolve, reject) => stream.once("response", resolve).once("error", reject));
      return () => textOf(stream);
    };
  },
  "instrumentNode with fetch": (options) => {
    undo = instrumentNode(options);
    return async (url) => {
      const response = await fetch(url);
      return () => response.text();
    };
  },
  "instrumentNode with node:http": (options) => {
    undo = instrumentNode(options);
    return (url) =>
      new Promise((resolve, reject) => void get(url, (response) => resolve(() => textOf(response))).on("error", reject));
  },
};

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += Buffer.from(chunk).toString();
  return text;
}

interface Exchange {
  readonly request: unknown;
  readonly response: { readonly status?: number; readonly statusCode?: number; readonly headers: unknown };
}

/** The content type of the response, whatever shape its headers have. */
function contentType({ headers }: Exchange["response"]): string {
  const record = headers instanceof Headers ? Object.fromEntries(headers) : (headers as Record<string, string>);
  return String(record["content-type"]);
}

const statusOf = ({ response }: Exchange): number | undefined => response.status ?? response.statusCode;

describe.each(Object.keys(CLIENTS))("endSpanOn of %s", (name) => {
  const client = CLIENTS[name] as (options: Options) => Open;

  it("ends the span of an event stream with the headers if the function says so", async () => {
    const endSpanOn = (exchange: unknown): "headers" | "response" =>
      contentType((exchange as Exchange).response).startsWith("text/event-stream") ? "headers" : "response";
    const read = await client({ endSpanOn })(`${server.url}/stream`);
    const [span] = await telemetry.ended(1);
    expect(span?.attributes["http.response.status_code"]).toBe(200);
    finish();
    expect(await read()).toBe("data: first\n\ndata: last\n\n");
    expect(await telemetry.ended(1)).toHaveLength(1);
  });

  it("covers the body of a response for which the function returns response", async () => {
    const read = await client({ endSpanOn: () => "response" })(`${server.url}/stream`);
    expect(telemetry.own()).toEqual([]);
    const reading = read();
    finish();
    await reading;
    await telemetry.ended(1);
  });

  it("calls the function once for each response, with the request and the response of the hooks", async () => {
    const exchanges: unknown[] = [];
    const endSpanOn = (exchange: unknown): "response" => {
      exchanges.push(exchange);
      return "response";
    };
    await (
      await client({ endSpanOn })(`${server.url}/json`)
    )();
    await telemetry.ended(1);
    expect(exchanges).toHaveLength(1);
    const [exchange] = exchanges as Exchange[];
    expect(statusOf(exchange!)).toBe(200);
    expect(exchange?.request).toBeTypeOf("object");
  });

  it.each<[string, () => never]>([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["returns another value", () => "body" as never],
    ["is asynchronous", (async () => "headers") as never],
    ["rejects", (() => Promise.reject(new Error("broken"))) as never],
  ])("covers the body if the function %s", async (_, endSpanOn) => {
    recordDiagnostics();
    const read = await client({ endSpanOn })(`${server.url}/stream`);
    expect(telemetry.own()).toEqual([]);
    const reading = read();
    finish();
    expect(await reading).toContain("last");
    await telemetry.ended(1);
  });
});

describe("endSpanOn as a function", () => {
  it("is asked for each attempt of a dispatcher that retries", async () => {
    const statuses: unknown[] = [];
    const dispatcher = new Agent().compose(
      traceInterceptor({
        endSpanOn: ({ response }) => {
          statuses.push(response.statusCode);
          return "headers";
        },
      }),
      interceptors.retry({ minTimeout: 1 }),
    );
    const { body } = await dispatcher.request({ origin: server.url, path: "/unavailable", method: "GET" });
    await body.text();
    await telemetry.ended(2);
    expect(statuses).toEqual([503, 200]);
  });

  it("is not asked for a response of axios that is cut off, which is a failure", async () => {
    let asked = 0;
    const instance = axios.create();
    instrumentAxios(instance, { endSpanOn: () => (asked++, "headers") });
    await instance.get(`${server.url}/cut`).catch(() => {});
    const [span] = await telemetry.ended(1);
    expect(asked).toBe(0);
    expect(span?.attributes["error.type"]).toBe("ERR_BAD_RESPONSE");
  });

  it("logs what a function has thrown", async () => {
    const diagnostics = recordDiagnostics();
    const endSpanOn = (): never => {
      throw new Error("broken");
    };
    await (await wrapFetch(fetch, { endSpanOn })(`${server.url}/ok`)).text();
    await telemetry.ended(1);
    expect(diagnostics.messages("error")).toEqual(["endSpanOn threw; the request goes on without it"]);
  });

  it("logs what a function has returned instead", async () => {
    const diagnostics = recordDiagnostics();
    const traced = wrapFetch(fetch, { endSpanOn: () => 42 as never });
    await (await traced(`${server.url}/ok`)).text();
    await telemetry.ended(1);
    expect(diagnostics.messages("warn")).toEqual([
      'endSpanOn must return "response" or "headers", not 42; the span ends with the response',
    ]);
  });

  it("is not called for a span that is not recorded", async () => {
    await telemetry.stop();
    let asked = 0;
    const traced = wrapFetch(fetch, { endSpanOn: () => (asked++, "headers") });
    await (await traced(`${server.url}/ok`, { headers: { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` } })).text();
    expect(asked).toBe(0);
  });
});
