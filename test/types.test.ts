import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import axios from "axios";
import express from "express";
import got from "got";
import type { Got } from "got";
import { Agent } from "undici";
import type { Dispatcher } from "undici";
import { expect, expectTypeOf, it } from "vitest";
import { instrumentAxios } from "../src/axios.ts";
import { wrapFetch } from "../src/fetch.ts";
import { wrapGot } from "../src/got.ts";
import { traceRequests as middleware } from "../src/server/express.ts";
import { traceRequests } from "../src/server/node.ts";
import { traceInterceptor } from "../src/undici.ts";

it("keeps the types of wrapped clients", () => {
  expectTypeOf(wrapGot(got)).toExtend<Got>();
  expectTypeOf(wrapFetch(fetch)).toExtend<typeof fetch>();
  expectTypeOf(traceInterceptor()).toExtend<Dispatcher.DispatcherComposeInterceptor>();
  expectTypeOf(instrumentAxios(axios.create())).toEqualTypeOf<() => void>();
  expectTypeOf(new Agent().compose(traceInterceptor())).toExtend<Dispatcher>();
  expect(() => express().use(middleware())).not.toThrow();
});

it("infers the request and response types of a listener from its server", () => {
  const servers = [
    http.createServer(traceRequests((request, response) => void response.end(request.url))),
    https.createServer(
      {},
      traceRequests((request, response) => void response.end(request.url)),
    ),
    http2.createServer(traceRequests((request, response) => void response.end(request.url))),
    http2.createServer(
      traceRequests((request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => void response.end(request.url)),
    ),
    http.createServer(traceRequests(express())),
    http.createServer(
      traceRequests((request, response) => void response.end(request.url), {
        ignoreRequestHook: (request) => request.url === "/health",
      }),
    ),
  ];
  for (const server of servers) expect(server.listenerCount("request")).toBe(1);
});
