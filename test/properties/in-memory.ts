import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import axios from "axios";
import got from "got";
import { instrumentAxios } from "../../src/axios.ts";
import { wrapFetch } from "../../src/fetch.ts";
import { wrapGot } from "../../src/got.ts";
import type { ClientOptions, ServerOptions } from "../../src/index.ts";
import { traceRequests as expressRequests } from "../../src/server/express.ts";
import { traceRequests } from "../../src/server/node.ts";
import { traceInterceptor } from "../../src/undici.ts";

/** Sends or receives one request without a network. Returns "answer" if the request succeeded. */
export type InMemoryExchange = (headers: Record<string, string>) => unknown;

const REQUEST_URL = "http://user:pass@a.example/?sig=x";

/** Each client adapter by its function's name. */
export const CLIENTS: Record<string, (options: ClientOptions) => InMemoryExchange> = {
  wrapFetch: (options) => {
    const send = wrapFetch(async () => new Response("answer"), options);
    return async (headers) => (await send(REQUEST_URL, { headers })).text();
  },
  traceInterceptor: (options) => {
    const dispatch = traceInterceptor(options)((_, responseHandler) => {
      responseHandler.onResponseStart?.({} as never, 200, { "x-a": "1" }, "OK");
      responseHandler.onResponseEnd?.({} as never, {});
      return true;
    });
    return (headers) => {
      let result = "";
      const handler = { onRequestStart() {}, onResponseStart() {}, onResponseData() {}, onResponseError() {} };
      const onResponseEnd = (): void => void (result = "answer");
      dispatch({ origin: "http://a.example", path: "/?sig=x", method: "GET", headers }, { ...handler, onResponseEnd });
      return result;
    };
  },
  instrumentAxios: (options) => {
    const instance = axios.create({
      adapter: async (config) => ({ config, data: "answer", status: 200, statusText: "", headers: {} }),
    });
    instrumentAxios(instance, options);
    return async (headers) => (await instance.get<string>(REQUEST_URL, { headers })).data;
  },
  wrapGot: (options) => {
    const client = wrapGot(got, options);
    const request = (): never => {
      const response = Object.assign(new PassThrough(), { statusCode: 200, headers: {}, rawHeaders: [], httpVersion: "1.1" });
      response.end("answer");
      return response as never;
    };
    return async (headers) => (await client("http://a.example/?sig=x", { headers, request, retry: { limit: 0 } })).body;
  },
};

function received(headers: Record<string, string>, handle: (request: never, response: never) => void): void {
  const socket = { remoteAddress: "127.0.0.1", remotePort: 1 };
  const request = Object.assign(new EventEmitter(), { method: "GET", url: "/?sig=x", headers, httpVersion: "1.1", socket });
  const more = { headersSent: true, statusCode: 200, writableFinished: true, getHeaders: () => ({ "x-a": "1" }) };
  const response = Object.assign(new EventEmitter(), more);
  handle(request as never, response as never);
}

/** Each server adapter. */
export const SERVERS: Record<string, (options: ServerOptions) => InMemoryExchange> = {
  "traceRequests of node": (options) => {
    let result = "";
    const listener = traceRequests((_, response) => {
      result = "answer";
      (response as unknown as EventEmitter).emit("close");
    }, options);
    return (headers) => {
      received(headers, listener);
      return result;
    };
  },
  "traceRequests of express": (options) => {
    const middleware = expressRequests(options);
    return (headers) => {
      let result = "";
      received(headers, (request, response) => middleware(request, response, () => void (result = "answer")));
      return result;
    };
  },
};
