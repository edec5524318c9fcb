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

it("what is wrapped has the type of what it was, with no cast", () => {
  expectTypeOf(wrapGot(got)).toExtend<Got>();
  expectTypeOf(wrapFetch(fetch)).toExtend<typeof fetch>();
  expectTypeOf(traceInterceptor()).toExtend<Dispatcher.DispatcherComposeInterceptor>();
  const undo = instrumentAxios(axios.create());
  undo();
  expect(new Agent().compose(traceInterceptor())).toBeDefined();
  expect(express().use(middleware())).toBeDefined();
});

it("a listener knows its request and its response, of whichever server it is given to", () => {
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
