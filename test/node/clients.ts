import http from "node:http";
import type { IncomingMessage, RequestOptions } from "node:http";
import axios from "axios";
import { request as gaxiosRequest } from "gaxios";
import got from "got";
import nodeFetch from "node-fetch";
import superagent from "superagent";
import { Agent, fetch as undiciFetch, interceptors } from "undici";
import { instrumentAxios } from "../../src/axios.ts";
import { wrapFetch } from "../../src/fetch.ts";
import { wrapGot } from "../../src/got.ts";
import type { ClientOptions } from "../../src/index.ts";
import { traceInterceptor } from "../../src/undici.ts";

/** Requests a URL, follows redirects, and reads the whole response. */
type Get = (url: string) => Promise<string>;

/** The function as it was before anything was instrumented. */
const storedFetch = globalThis.fetch;

/** Requests a URL with `node:http` and reads the whole response; follows no redirect. */
export function httpGet(
  url: string,
  options: RequestOptions = {},
  onResponse?: (response: IncomingMessage) => void,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, options, (response) => {
      onResponse?.(response);
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve(text)).on("error", reject);
    });
    request.on("error", reject);
  });
}

const redirecting = new Agent().compose(interceptors.redirect({ maxRedirections: 5 }));

/** Clients that are not instrumented. */
export const PLAIN: Readonly<Record<string, Get>> = {
  "a stored reference to fetch": async (url) => (await storedFetch(url)).text(),
  "the fetch of undici": async (url) => (await undiciFetch(url)).text(),
  "a dispatcher of undici": async (url) => {
    const { origin, pathname, search } = new URL(url);
    return (await redirecting.request({ origin, path: pathname + search, method: "GET" })).body.text();
  },
  axios: async (url) => (await axios.get<string>(url, { responseType: "text" })).data,
  got: async (url) => got(url).text(),
  "node-fetch": async (url) => (await nodeFetch(url)).text(),
  superagent: async (url) => (await superagent.get(url)).text,
  gaxios: async (url) => (await gaxiosRequest<string>({ url, responseType: "text" })).data,
};

/** The same clients, instrumented by this package. */
export const WRAPPED: Readonly<Record<string, (options?: ClientOptions) => Get>> = {
  "wrapFetch(fetch)": (options) => {
    const traced = wrapFetch(globalThis.fetch, options);
    return async (url) => (await traced(url)).text();
  },
  "traceInterceptor()": (options) => {
    const agent = new Agent().compose(traceInterceptor(options), interceptors.redirect({ maxRedirections: 5 }));
    return async (url) => {
      const { origin, pathname, search } = new URL(url);
      return (await agent.request({ origin, path: pathname + search, method: "GET" })).body.text();
    };
  },
  "instrumentAxios(axios)": (options) => {
    const instance = axios.create({ responseType: "text" });
    instrumentAxios(instance, options);
    return async (url) => (await instance.get<string>(url)).data;
  },
  "wrapGot(got)": (options) => {
    const traced = wrapGot(got, options);
    return async (url) => traced(url).text();
  },
};
