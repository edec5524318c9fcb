import { Agent } from "node:http";
import { Readable } from "node:stream";
import axios from "axios";
import type { AxiosInstance, AxiosRequestConfig, AxiosResponse } from "axios";
import axiosRetry from "axios-retry";
import { TLS } from "./tls.ts";
import type { Sent, Received, Usage, ClientUsages } from "./usage.ts";

type Read = (data: unknown) => unknown;

/** The usages of axios: its http adapter, HTTP/2, and its fetch adapter. */
export async function axiosUsages(isTraced: boolean): Promise<ClientUsages> {
  const instrument = isTraced ? (await import("../../../src/axios.ts")).instrumentAxios : () => {};
  const httpAgent = new Agent({ keepAlive: true });
  const make = (config: AxiosRequestConfig = {}, prepare: (instance: AxiosInstance) => void = () => {}): AxiosInstance => {
    const instance = axios.create({ httpAgent, httpsAgent: false, proxy: false, maxRedirects: 5, ...config });
    prepare(instance);
    instrument(instance);
    return instance;
  };
  const usual = make();
  const all = make({ validateStatus: null });
  const text: Read = (data) => data;
  const usage = (
    name: string,
    instance: AxiosInstance,
    config: AxiosRequestConfig,
    read: Read,
    more: Partial<Usage> = {},
  ): Usage => ({
    name,
    seesAttempts: false,
    call: (sent) => request(instance, sent, config, read),
    ...more,
  });
  const streams = { responseType: "stream" } as const;
  const byFetch = { adapter: "fetch" } as const;
  const retrying = make({}, (instance) => void axiosRetry(instance, { retries: 2, retryDelay: () => 1 }));
  const authorising = make({}, authorise);
  const throwing = make({ transformResponse: broken });
  const http2 = { httpVersion: 2, http2Options: { ...TLS, sessionTimeout: 1 } } as AxiosRequestConfig;

  return {
    usages: [
      usage("json", usual, {}, text),
      usage("any status", all, { responseType: "text" }, text),
      usage("bytes", usual, { responseType: "arraybuffer" }, text),
      usage("no redirects", usual, { maxRedirects: 0 }, text),
      usage("stream", usual, streams, loop),
      usage("stream of any status", all, streams, loop),
      usage("stream that is left", all, streams, leave, { leaves: "in the body" }),
      usage("stream that is destroyed", all, streams, (data) => void (data as Readable).on("error", () => {}).destroy(), {
        leaves: "at the head",
      }),
      usage("stream that is never read", all, streams, (data) => void (data as Readable).on("error", () => {}), {
        leaves: "at the head",
        abandons: true,
      }),
      usage("stream, raw", all, { ...streams, decompress: false }, loop),
      usage("small answers only", usual, { maxContentLength: 1000 }, text),
      usage("timeout", usual, { timeout: 2500 }, text, { timesOut: true }),
      usage("retry", retrying, {}, text, { streamsUp: false }),
      usage("authorising", authorising, {}, text, { streamsUp: false }),
      usage("a transform that throws", throwing, {}, text),
      usage("progress", usual, { onDownloadProgress: () => {}, onUploadProgress: () => {} }, text),
      {
        name: "cancel token",
        seesAttempts: false,
        hidesAbortReason: true,
        call: (sent) => request(usual, { ...sent, signal: undefined }, tokenOf(sent), text),
      },
      usage("fetch adapter", usual, { ...byFetch, responseType: "text" }, text),
      usage("fetch adapter, any status", all, { ...byFetch, responseType: "json" }, text),
      usage("fetch adapter, stream", all, { ...byFetch, ...streams }, loop),
      usage("fetch adapter, stream that is left", all, { ...byFetch, ...streams }, leave, {
        leaves: "in the body",
        abandons: true,
      }),
      usage("HTTP/2", usual, http2, text, { http2: true }),
      usage("HTTP/2, stream", all, { ...http2, ...streams }, loop, { http2: true }),
    ],
    // Observed without the library.
    hangs: [
      [/^(?!fetch)/, /^101 /],
      // It ends by its size limit, at a point that is not determined.
      [/^small answers/, /^events without end$/],
      [/^HTTP\/2/, /^h2 (session destroyed|GOAWAY before the head|RST NGHTTP2_(CANCEL|NO_ERROR) before the head)$/],
    ],
    close: () => {
      httpAgent.destroy();
      return (globalThis as unknown as Record<symbol, { destroy(): Promise<void> } | undefined>)[DISPATCHER]?.destroy();
    },
  };
}

const DISPATCHER = Symbol.for("undici.globalDispatcher.1");

async function request(instance: AxiosInstance, sent: Sent, config: AxiosRequestConfig, read: Read): Promise<Received> {
  const { url, method, headers, body, signal } = sent;
  const data = typeof body === "function" ? Readable.from(body(), { objectMode: false }) : body;
  const response = await instance.request<unknown>({ url, method, headers, data, ...(signal && { signal }), ...config });
  sent.note(`answered ${response.status}`);
  const { status, statusText, config: used } = response;
  const more = { statusText, config: Object.keys(used).toSorted(), headers: Object.keys(used.headers).toSorted() };
  return { status, headers: response.headers as Record<string, unknown>, body: await read(response.data), more };
}

async function loop(data: unknown): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of data as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function leave(data: unknown): Promise<unknown> {
  for await (const _ of data as AsyncIterable<Uint8Array>) return "left";
  return "empty";
}

function tokenOf({ signal }: Sent): AxiosRequestConfig {
  const { token, cancel } = axios.CancelToken.source();
  if (signal?.aborted === true) cancel("no more");
  else signal?.addEventListener("abort", () => cancel("no more"), { once: true });
  return { cancelToken: token };
}

function authorise(instance: AxiosInstance): void {
  instance.interceptors.response.use(undefined, (error: { config?: AxiosRequestConfig; response?: AxiosResponse }) => {
    const { config, response } = error;
    if (config === undefined || response?.status !== 401 || config.headers?.["authorization"] !== undefined) throw error;
    const headers = Object.assign({}, config.headers, { authorization: "Bearer token" });
    return instance.request({ ...config, headers });
  });
}

function broken(): never {
  throw new Error("the application's own");
}
