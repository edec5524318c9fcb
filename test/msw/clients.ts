import axios from "axios";
import type { AxiosInstance } from "axios";
import got from "got";
import type { Got } from "got";
import { bypass } from "msw";
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from "undici";
import { instrumentAxios } from "../../src/axios.ts";
import { instrumentFetch, wrapFetch } from "../../src/fetch.ts";
import { wrapGot } from "../../src/got.ts";
import { traceInterceptor } from "../../src/undici.ts";

interface Sent {
  method?: string;
  body?: string;
  signal?: AbortSignal;
}

/** Makes requests with the client's defaults, without retries. */
export interface Client {
  readonly send: (url: string, sent?: Sent) => Promise<{ status: number; body: string }>;
  /** The body as it comes. */
  readonly events: (url: string) => Promise<AsyncIterable<Uint8Array>>;
  /** A request with `bypass()`, which msw passes through. */
  readonly bypassed: (url: string) => Promise<{ status: number; body: string }>;
}

export interface MockedClient {
  readonly name: string;
  readonly plain: () => Client;
  /** With us from now on; `undo` where that can be taken back. */
  readonly instrument: () => { client: Client; undo?: () => void };
  /** `error.type` of `HttpResponse.error()`: what the client calls it. */
  readonly networkError: string;
  /** Whether the client reports a truncated mocked body: to a fetch, msw's sockets end such a body like a complete one. */
  readonly reportsTruncation: boolean;
}

// The global fetch of the moment, as an application calls it.
const globalFetch = (...args: Parameters<typeof fetch>): Promise<Response> => fetch(...args);

function throughFetch(fetchFunction: typeof fetch): Client {
  const send = async (input: string | Request, sent?: Sent): ReturnType<Client["send"]> => {
    const response = await fetchFunction(input, sent);
    return { status: response.status, body: await response.text() };
  };
  return {
    send,
    events: async (url) => (await fetchFunction(url)).body!,
    bypassed: (url) => send(bypass(url)),
  };
}

const bypassHeaders = (url: string): Record<string, string> => Object.fromEntries(bypass(url).headers);

function throughAxios(instance: AxiosInstance): Client {
  const send = async (
    url: string,
    { body, ...sent }: Sent & { headers?: Record<string, string> } = {},
  ): ReturnType<Client["send"]> => {
    const response = await instance.request<string>({ url, ...sent, data: body, responseType: "text" });
    return { status: response.status, body: response.data };
  };
  return {
    send,
    events: async (url) => (await instance.get<AsyncIterable<Uint8Array>>(url, { responseType: "stream" })).data,
    bypassed: (url) => send(url, { headers: bypassHeaders(url) }),
  };
}

function throughGot(instance: Got): Client {
  const send = async (url: string, sent: Sent & { headers?: Record<string, string> } = {}): ReturnType<Client["send"]> => {
    const { statusCode, body } = await instance(url, { ...(sent as { method?: "GET" }), retry: { limit: 0 } });
    return { status: statusCode, body };
  };
  return {
    send,
    events: async (url) => instance.stream(url, { retry: { limit: 0 } }),
    bypassed: (url) => send(url, { headers: bypassHeaders(url) }),
  };
}

function axiosOver(adapter: "http" | "fetch", networkError: string): MockedClient {
  return {
    name: `axios over ${adapter}`,
    plain: () => throughAxios(axios.create({ adapter })),
    instrument: () => {
      const instance = axios.create({ adapter });
      return { client: throughAxios(instance), undo: instrumentAxios(instance) };
    },
    networkError,
    reportsTruncation: adapter === "http",
  };
}

/** The clients that msw intercepts: those that send requests by the global fetch or by `node:http`. */
export const MOCKED: MockedClient[] = [
  {
    name: "instrumentFetch",
    plain: () => throughFetch(globalFetch),
    instrument: () => ({ undo: instrumentFetch(), client: throughFetch(globalFetch) }),
    networkError: "TypeError",
    reportsTruncation: false,
  },
  {
    name: "wrapFetch",
    plain: () => throughFetch(globalFetch),
    instrument: () => ({ client: throughFetch(wrapFetch(globalFetch)) }),
    networkError: "TypeError",
    reportsTruncation: false,
  },
  {
    name: "an undici dispatcher beneath the global fetch",
    plain: () => throughFetch(globalFetch),
    instrument: () => {
      const before = getGlobalDispatcher();
      const agent = new Agent();
      setGlobalDispatcher(agent.compose(traceInterceptor()));
      const undo = (): void => {
        setGlobalDispatcher(before);
        void agent.destroy();
      };
      return { client: throughFetch(globalFetch), undo };
    },
    networkError: "TypeError",
    reportsTruncation: false,
  },
  axiosOver("http", "TypeError"),
  axiosOver("fetch", "ERR_NETWORK"),
  {
    name: "got",
    plain: () => throughGot(got),
    instrument: () => ({ client: throughGot(wrapGot(got)) }),
    networkError: "TypeError",
    reportsTruncation: true,
  },
];
