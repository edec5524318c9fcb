import axios from "axios";
import type { AxiosInstance } from "axios";
import axiosRetry from "axios-retry";
import got from "got";
import type { Got } from "got";
import { Agent, interceptors } from "undici";
import type { Dispatcher } from "undici";
import { instrumentAxios } from "../../src/axios.ts";
import type { ClientOptions } from "../../src/index.ts";
import { wrapFetch } from "../../src/fetch.ts";
import { wrapGot } from "../../src/got.ts";
import { traceInterceptor } from "../../src/undici.ts";

/** A request that every client can make. */
interface Sent {
  method?: string;
  headers?: unknown;
  body?: string | AsyncIterable<Uint8Array>;
  signal?: AbortSignal;
}

interface Received {
  status: number;
  body: string;
}

/** Makes a request and reads the whole response. Rejects when the client rejects, but not for a status. */
export type Call = (url: string, sent?: Sent) => Promise<Received>;

export interface ClientUnderTest {
  readonly name: "fetch" | "undici" | "axios" | "got";
  /** The client without the library. */
  readonly plain: Call;
  /** The client with the library, instrumented `times` times. */
  readonly traced: (options?: ClientOptions, times?: number) => Call;
  /** The client with the library and its own retries after a 503, if it has retries. */
  readonly retrying?: () => Call;
  /** The shapes of headers that the client accepts. */
  readonly shapes: Record<string, (record: Record<string, string>) => unknown>;
  /** The OpenTelemetry instrumentation that covers the client. */
  readonly foreign: "instrumentation-undici" | "instrumentation-http";
}

const RECORD = { "a record": (record: Record<string, string>): unknown => record };
const ITERABLES = {
  Headers: (record: Record<string, string>): unknown => new Headers(record),
  "a Map": (record: Record<string, string>): unknown => new Map(Object.entries(record)),
};

function throughFetch(fetch: typeof globalThis.fetch): Call {
  return async (url, sent = {}) => {
    const response = await fetch(url, { ...sent, duplex: "half" } as RequestInit);
    return { status: response.status, body: await response.text() };
  };
}

function throughUndici(dispatcher: Dispatcher): Call {
  return async (url, { method = "GET", headers, body, signal } = {}) => {
    const { origin, pathname, search } = new URL(url);
    const options = { origin, path: pathname + search, method, headers, body, signal } as Dispatcher.RequestOptions;
    const response = await dispatcher.request(options);
    return { status: response.statusCode, body: await response.body.text() };
  };
}

function throughAxios(instance: AxiosInstance): Call {
  return async (url, { method = "GET", headers, body, signal } = {}) => {
    const data = typeof body === "object" ? (await import("node:stream")).Readable.from(body) : body;
    const config = { url, method, headers, data, signal } as Parameters<AxiosInstance["request"]>[0];
    const response = await instance.request<string>({
      ...config,
      responseType: "text",
      validateStatus: null,
      transformResponse: (text) => text,
    });
    return { status: response.status, body: response.data };
  };
}

function throughGot(instance: Got, retries = 0): Call {
  return async (url, { method = "GET", headers, body, signal } = {}) => {
    const options = { method, headers, body, signal, throwHttpErrors: false, retry: { limit: retries, backoffLimit: 1 } };
    const response = await instance(url, options as Parameters<Got>[1] & object);
    return { status: (response as { statusCode: number }).statusCode, body: (response as { body: string }).body };
  };
}

const redirecting = (): Dispatcher => new Agent().compose(interceptors.redirect({ maxRedirections: 5 }));

function tracedAgent(options: ClientOptions | undefined, times: number): Dispatcher {
  let dispatcher: Dispatcher = new Agent();
  for (let i = 0; i < times; i++) dispatcher = dispatcher.compose(traceInterceptor(options));
  return dispatcher.compose(interceptors.redirect({ maxRedirections: 5 }));
}

export const CLIENTS: ClientUnderTest[] = [
  {
    name: "fetch",
    plain: throughFetch(fetch),
    traced: (options, times = 1) => {
      let traced = (...args: Parameters<typeof fetch>): Promise<Response> => fetch(...args);
      for (let i = 0; i < times; i++) {
        const inner = wrapFetch(traced, options);
        traced = (...args) => inner(...args);
      }
      return throughFetch(traced);
    },
    shapes: { ...RECORD, ...ITERABLES, "an array of pairs": (record) => Object.entries(record) },
    foreign: "instrumentation-undici",
  },
  {
    name: "undici",
    plain: throughUndici(redirecting()),
    traced: (options, times = 1) => throughUndici(tracedAgent(options, times)),
    retrying: () => throughUndici(new Agent().compose(traceInterceptor(), interceptors.retry({ minTimeout: 1, maxTimeout: 2 }))),
    shapes: { ...RECORD, ...ITERABLES, "a flat array": (record) => Object.entries(record).flat() },
    foreign: "instrumentation-undici",
  },
  {
    name: "axios",
    plain: throughAxios(axios.create()),
    traced: (options, times = 1) => {
      const instance = axios.create();
      for (let i = 0; i < times; i++) instrumentAxios(instance, options);
      return throughAxios(instance);
    },
    retrying: () => {
      const instance = axios.create();
      axiosRetry(instance, { retries: 2, retryCondition: (error) => error.response?.status === 503 });
      instrumentAxios(instance);
      return async (url) => {
        const { status, data } = await instance.get<string>(url);
        return { status, body: data };
      };
    },
    shapes: { ...RECORD, "axios's headers": (record) => new axios.AxiosHeaders(record) },
    foreign: "instrumentation-http",
  },
  {
    name: "got",
    plain: throughGot(got),
    traced: (options, times = 1) => {
      let instance = got;
      for (let i = 0; i < times; i++) instance = wrapGot(instance.extend({}), options);
      return throughGot(instance);
    },
    retrying: () => throughGot(wrapGot(got), 2),
    shapes: RECORD,
    foreign: "instrumentation-http",
  },
];
