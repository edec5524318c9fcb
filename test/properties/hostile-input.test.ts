import axios from "axios";
import type { AxiosRequestConfig } from "axios";
import * as fc from "fast-check";
import got from "got";
import { Agent } from "undici";
import type { Dispatcher } from "undici";
import { afterAll, beforeAll, expect, it } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { wrapFetch } from "../../src/fetch.ts";
import { wrapGot } from "../../src/got.ts";
import { traceInterceptor } from "../../src/undici.ts";
import { serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { HOSTILE_HEADERS, HOSTILE_VALUE, headersFrom, valueOf } from "./hostile-values.ts";
import { startDeterministicTelemetry } from "./deterministic-telemetry.ts";
import type { DeterministicTelemetry } from "./deterministic-telemetry.ts";
import { LONG_TIMEOUT, runs } from "./run-options.ts";

// Whatever arguments an application passes to a client, it and the server see the same as without the library.

let telemetry: DeterministicTelemetry;
let server: TestServer;
beforeAll(async () => {
  server = await serve({ "*": (_, response) => void response.end("answer") });
  telemetry = startDeterministicTelemetry();
});
afterAll(async () => {
  await telemetry.stop();
  await server.close();
});

interface Given {
  url: unknown;
  method: unknown;
  headers: unknown;
}

type Call = (given: Given) => Promise<unknown>;

const platform = globalThis.fetch;
const throughFetch =
  (send: typeof fetch): Call =>
  async ({ url, method, headers }) => {
    const response = await send(url as string, { method, headers } as RequestInit);
    return [response.status, await response.text()];
  };
const throughUndici =
  (dispatcher: Dispatcher): Call =>
  async ({ url, method, headers }) => {
    const options = { origin: server.url, path: url, method, headers } as Dispatcher.RequestOptions;
    const { statusCode, body } = await dispatcher.request(options);
    return [statusCode, await body.text()];
  };
const throughAxios = (isTraced: boolean): Call => {
  const instance = axios.create({ validateStatus: null });
  if (isTraced) instrumentAxios(instance);
  return async ({ url, method, headers }) => {
    const { status, data } = await instance.request<string>({ url, method, headers } as AxiosRequestConfig);
    return [status, data];
  };
};
const throughGot =
  (client: typeof got): Call =>
  async ({ url, method, headers }) => {
    const options = { method, headers, throwHttpErrors: false, retry: { limit: 0 } };
    const { statusCode, body } = (await client(url as string, options as never)) as { statusCode: number; body: string };
    return [statusCode, body];
  };

const agent = new Agent();
const CLIENTS: { name: string; plain: Call; traced: Call; url: (path: string) => string }[] = [
  { name: "fetch", plain: throughFetch(platform), traced: throughFetch(wrapFetch(platform)), url: (path) => server.url + path },
  { name: "undici", plain: throughUndici(agent), traced: throughUndici(agent.compose(traceInterceptor())), url: (path) => path },
  { name: "axios", plain: throughAxios(false), traced: throughAxios(true), url: (path) => server.url + path },
  { name: "got", plain: throughGot(got), traced: throughGot(wrapGot(got)), url: (path) => server.url + path },
];

const PROPAGATION = /^(?:traceparent|tracestate|baggage)$/i;

/** What the application receives, and the requests that the server receives. */
async function outcome(call: Call, given: Given): Promise<object> {
  server.requests.length = 0;
  let result: unknown;
  await telemetry.record(async () => {
    try {
      result = await call(given);
    } catch (error) {
      result = describeError(error);
    }
  });
  const wire = server.requests.map(({ method, url, rawHeaders, body }) => {
    const lines = rawHeaders.flatMap((name, i) =>
      i % 2 === 0 && !PROPAGATION.test(name) ? [`${name}: ${rawHeaders[i + 1]}`] : [],
    );
    return [method, url, lines.toSorted(), body.toString()];
  });
  return { result, wire };
}

/** The header that fetch names in an error message: it names none for a proxy, but does for the library's copy of the headers. */
const MEMBER = /(?<=\.headers)\[".*?"\]/s;

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, cause } = error;
  const { code } = error as { code?: unknown };
  return { class: error.constructor.name, name, message: message.replace(MEMBER, ""), code, cause: describeError(cause) };
}

const METHOD = fc.oneof(
  fc.constantFrom("GET", "get", "Post", "patch", "PURGE", "a b", "", "TRACE", "ä"),
  fc.string({ maxLength: 5 }),
);
const TEXT = fc.oneof(
  fc.constantFrom("/", "/a b", "/ä", "/?sig=x", "//a", "/%", "/\n", "*", "a"),
  fc.string({ unit: "binary", maxLength: 8 }),
);

const GIVEN = fc.record({
  headers: HOSTILE_HEADERS,
  method: fc.oneof(fc.constant("GET"), METHOD),
  path: fc.oneof(fc.constant("/"), TEXT),
  // One of the arguments may have any type.
  replaced: fc.option(fc.record({ which: fc.constantFrom("url" as const, "method" as const), value: HOSTILE_VALUE }), {
    nil: undefined,
    freq: 2,
  }),
});

it.each(CLIENTS)(
  "$name: treats any URL, method and headers as without the library",
  LONG_TIMEOUT,
  async ({ plain, traced, url }) => {
    const property = fc.asyncProperty(GIVEN, async ({ headers, method, path, replaced }) => {
      fc.pre(method.toUpperCase() !== "CONNECT");
      const given = (): Given => ({
        url: url(path),
        method,
        headers: headersFrom(headers),
        ...(replaced !== undefined && { [replaced.which]: valueOf(replaced.value) }),
      });
      expect(await outcome(traced, given())).toEqual(await outcome(plain, given()));
    });
    await fc.assert(property, runs(300));
  },
);
