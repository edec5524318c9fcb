import { Readable } from "node:stream";
import axios from "axios";
import type { AxiosInstance, AxiosRequestConfig, CreateAxiosDefaults } from "axios";
import { instrumentAxios } from "../../../src/axios.ts";
import type { ClientOptions } from "../../../src/index.ts";
import { bodyOf, headersWith } from "../requests.ts";
import { HEADERS_OF_AXIOS } from "../shapes.ts";
import { once, taken } from "./sender.ts";
import type { Sender, Ways } from "./sender.ts";

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

const OF: Ways<(options: ClientOptions) => AxiosInstance> = {
  "an instance": once((options) => traced(options, 1)),
  "one that is instrumented twice": once((options) => traced(options, 2)),
  "one with interceptors": once((options) => {
    const instance = traced(options, 1);
    instance.interceptors.request.use(async (config) => config);
    instance.interceptors.response.use(async (response) => response);
    return instance;
  }),
};

const URLS: Ways<(server: string, path: string) => AxiosRequestConfig> = {
  "a URL": (server, path) => ({ url: server + path }),
  "a path": (server, path) => ({ baseURL: server, url: path }),
  "a base alone": (server, path) => ({ baseURL: server + path }),
};

const http = axios.getAdapter("http");
const ADAPTERS: Ways<AxiosRequestConfig> = {
  "axios's choice": {},
  "by name": { adapter: "http" },
  "by a list": { adapter: [() => Promise.reject(new Error("never called")), "http"].slice(1) as ["http"] },
  "a function of axios's": { adapter: http },
  "a function of the application's": { adapter: (config) => http(config) },
  "without redirects": { maxRedirects: 0 },
};

const BODY: Ways<(body: string | undefined) => unknown> = {
  "a string": (body) => body,
  "a buffer": (body) => body && Buffer.from(body),
  "a stream": (body) => body && Readable.from([Buffer.from(body)]),
};

export const throughAxios: Sender = {
  name: "axios",
  ways: {
    of: Object.keys(OF),
    url: Object.keys(URLS),
    adapter: Object.keys(ADAPTERS),
    headers: Object.keys(HEADERS_OF_AXIOS),
    body: Object.keys(BODY),
  },
  send: async (asked, server, way, options) => {
    const instance = options === undefined ? plain : taken(OF, way, "of")(options);
    const { status, data } = await instance.request<string>({
      ...taken(URLS, way, "url")(server, asked.path),
      ...taken(ADAPTERS, way, "adapter"),
      method: asked.method,
      headers: taken(HEADERS_OF_AXIOS, way, "headers")(headersWith(asked)) as Record<string, string>,
      data: bodyOf(asked, taken(BODY, way, "body")),
    });
    return { status, body: data };
  },
};
