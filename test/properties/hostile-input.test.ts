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
import { HOSTILE_HEADERS, HOSTILE_VALUE, headersFrom, valueOf } from "./hostile.ts";
import { openLab } from "./lab.ts";
import type { Lab } from "./lab.ts";
import { PATIENT, runs } from "./runs.ts";

// Whatever an application hands to a client: it gets what it would get without us, and so does the server.

let lab: Lab;
let server: TestServer;
beforeAll(async () => {
  server = await serve({ "*": (_, response) => void response.end("answer") });
  lab = openLab();
});
afterAll(async () => {
  await lab.close();
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

const OURS = /^(?:traceparent|tracestate|baggage)$/i;

/** What the application gets, and what the server was asked. */
async function outcome(call: Call, given: Given): Promise<object> {
  server.requests.length = 0;
  let told: unknown;
  await lab.watch(async () => {
    try {
      told = await call(given);
    } catch (error) {
      told = pictureOf(error);
    }
  });
  const wire = server.requests.map(({ method, url, rawHeaders, body }) => {
    const lines = rawHeaders.flatMap((name, i) => (i % 2 === 0 && !OURS.test(name) ? [`${name}: ${rawHeaders[i + 1]}`] : []));
    return [method, url, lines.toSorted(), body.toString()];
  });
  return { told, wire };
}

/** Which of the headers was wrong: fetch cannot tell of a proxy's, but of those of our copy it can. */
const MEMBER = /(?<=\.headers)\[".*?"\]/s;

function pictureOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, cause } = error;
  const { code } = error as { code?: unknown };
  return { class: error.constructor.name, name, message: message.replace(MEMBER, ""), code, cause: pictureOf(cause) };
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
  // One of the arguments may be anything at all.
  odd: fc.option(fc.record({ which: fc.constantFrom("url" as const, "method" as const), value: HOSTILE_VALUE }), {
    nil: undefined,
    freq: 2,
  }),
});

it.each(CLIENTS)("$name: any URL, method and headers fare as without us", PATIENT, async ({ plain, traced, url }) => {
  const property = fc.asyncProperty(GIVEN, async ({ headers, method, path, odd }) => {
    fc.pre(method.toUpperCase() !== "CONNECT");
    const given = (): Given => ({
      url: url(path),
      method,
      headers: headersFrom(headers),
      ...(odd !== undefined && { [odd.which]: valueOf(odd.value) }),
    });
    expect(await outcome(traced, given())).toEqual(await outcome(plain, given()));
  });
  await fc.assert(property, runs(300));
});
