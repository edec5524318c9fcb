import { Readable } from "node:stream";
import axios from "axios";
import type { AxiosInstance, AxiosRequestConfig, CreateAxiosDefaults } from "axios";
import { instrumentAxios } from "../../../src/axios.ts";
import type { ClientOptions } from "../../../src/index.ts";
import { bodyOf, headersWith } from "../requests.ts";
import { AXIOS_HEADER_SHAPES } from "../argument-shapes.ts";
import { memoize, pick } from "./client.ts";
import type { PropertyClient, Variants } from "./client.ts";

const DEFAULTS: CreateAxiosDefaults = {
  responseType: "text",
  validateStatus: null,
  transformResponse: (text: unknown): unknown => text,
};
const plain = axios.create(DEFAULTS);

function traced(options: ClientOptions, times: number): AxiosInstance {
  const instance = axios.create(DEFAULTS);
  for (let i = 0; i < times; i++) instrumentAxios(instance, options);
  return instance;
}

const OF: Variants<(options: ClientOptions) => AxiosInstance> = {
  "an instance": memoize((options) => traced(options, 1)),
  "an instance instrumented twice": memoize((options) => traced(options, 2)),
  "an instance with interceptors": memoize((options) => {
    const instance = traced(options, 1);
    instance.interceptors.request.use(async (config) => config);
    instance.interceptors.response.use(async (response) => response);
    return instance;
  }),
};

const URLS: Variants<(server: string, path: string) => AxiosRequestConfig> = {
  "a URL": (server, path) => ({ url: server + path }),
  "a path": (server, path) => ({ baseURL: server, url: path }),
  "a base URL alone": (server, path) => ({ baseURL: server + path }),
};

const http = axios.getAdapter("http");
const ADAPTERS: Variants<AxiosRequestConfig> = {
  "the default adapter": {},
  "by name": { adapter: "http" },
  "by a list": { adapter: [() => Promise.reject(new Error("never called")), "http"].slice(1) as ["http"] },
  "an adapter function of axios": { adapter: http },
  "a function of the application": { adapter: (config) => http(config) },
  "without redirects": { maxRedirects: 0 },
};

const BODY: Variants<(body: string | undefined) => unknown> = {
  "a string": (body) => body,
  "a buffer": (body) => body && Buffer.from(body),
  "a stream": (body) => body && Readable.from([Buffer.from(body)]),
};

export const throughAxios: PropertyClient = {
  name: "axios",
  variants: {
    of: Object.keys(OF),
    url: Object.keys(URLS),
    adapter: Object.keys(ADAPTERS),
    headers: Object.keys(AXIOS_HEADER_SHAPES),
    body: Object.keys(BODY),
  },
  send: async (asked, server, selection, options) => {
    const instance = options === undefined ? plain : pick(OF, selection, "of")(options);
    const { status, data } = await instance.request<string>({
      ...pick(URLS, selection, "url")(server, asked.path),
      ...pick(ADAPTERS, selection, "adapter"),
      method: asked.method,
      headers: pick(AXIOS_HEADER_SHAPES, selection, "headers")(headersWith(asked)) as Record<string, string>,
      data: bodyOf(asked, pick(BODY, selection, "body")),
    });
    return { status, body: data };
  },
};
