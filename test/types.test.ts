import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import axios from "axios";
import express from "express";
import got from "got";
import type { Got } from "got";
import { Agent, fetch as undiciFetch } from "undici";
import type { Dispatcher } from "undici";
import { expect, expectTypeOf, it } from "vitest";
import { instrumentAxios } from "../src/axios.ts";
import { wrapFetch } from "../src/fetch.ts";
import type { FetchOptions } from "../src/fetch.ts";
import { wrapGot } from "../src/got.ts";
import type { GotOptions } from "../src/got.ts";
import type { A2AOptions } from "../src/a2a.ts";
import { injectTraceContext } from "../src/index.ts";
import type { ClientOptions, ContinueOptions, HeadersToSpanAttributes, ServerOptions } from "../src/index.ts";
import type { SetupOptions } from "../src/setup.ts";
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

it("accepts undefined for each option, also under exactOptionalPropertyTypes", () => {
  type WithUndefined<Options> = { [Name in keyof Options]: Options[Name] | undefined };
  expectTypeOf<WithUndefined<ClientOptions>>().toExtend<ClientOptions>();
  expectTypeOf<WithUndefined<ServerOptions>>().toExtend<ServerOptions>();
  expectTypeOf<WithUndefined<HeadersToSpanAttributes>>().toExtend<HeadersToSpanAttributes>();
  expectTypeOf<WithUndefined<A2AOptions>>().toExtend<A2AOptions>();
  expectTypeOf<WithUndefined<SetupOptions>>().toExtend<SetupOptions>();
  expectTypeOf<WithUndefined<ContinueOptions>>().toExtend<ContinueOptions>();
  expectTypeOf<WithUndefined<FetchOptions>>().toExtend<FetchOptions>();
  expectTypeOf<WithUndefined<GotOptions>>().toExtend<GotOptions>();
  expect(() => wrapFetch(async () => new Response(), { propagateTo: undefined, modelProviders: undefined })).not.toThrow();
});

it("keeps the type of undici's fetch", () => {
  expectTypeOf(wrapFetch(undiciFetch)).toEqualTypeOf<typeof undiciFetch>();
  expect(wrapFetch(undiciFetch)).toBeTypeOf("function");
});

it("injects into carriers that are typed by an interface or a class", () => {
  interface Message {
    readonly id: number;
    traceparent?: string;
  }
  class Job {
    readonly id = 1;
  }
  const message: Message = { id: 1 };
  expectTypeOf(injectTraceContext(message)).toEqualTypeOf<Message>();
  expectTypeOf(injectTraceContext(new Job())).toEqualTypeOf<Job>();
  expect(injectTraceContext(message)).toBe(message);
});
