import { traceRequests as middleware } from "a2a-otel/server/express";
import type { ExpressOptions, Middleware } from "a2a-otel/server/express";
import { traceRequests } from "a2a-otel/server/node";
import type { NodeServerOptions } from "a2a-otel/server/node";
import express from "express";
import http from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { same } from "./type.js";

const options: NodeServerOptions = {
  ignoreRequestHook: (request) => {
    same<typeof request, IncomingMessage>();
    return request.url === "/health";
  },
  responseHook: (span, { response }) => {
    same<typeof response, ServerResponse>();
    span.setAttribute("sent", response.headersSent);
  },
};
http.createServer(traceRequests((request, response) => void response.end(request.url), options));
https.createServer(
  {},
  traceRequests((request, response) => void response.end(request.url)),
);
http2.createServer(traceRequests((request, response) => void response.end(request.url)));
http2.createServer(
  traceRequests((request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => void response.end(request.authority)),
);
http.createServer(traceRequests(express()));
// @ts-expect-error no listener
http.createServer(traceRequests("hello"));

const forExpress: ExpressOptions = {
  incoming: "link",
  requestHook: (span, request) => void span.setAttribute("url", request.url ?? ""),
};
const made = middleware(forExpress);
same<typeof made, Middleware>();
export const app: express.Express = express().use(made).use("/a2a", middleware());
// @ts-expect-error no such word
middleware({ incoming: "follow" });
