import { once } from "node:events";
import { request as startRequest } from "node:http";
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { connect } from "node:net";
import type { Attributes } from "@opentelemetry/api";
import { expect } from "vitest";
import { until } from "../support/telemetry.ts";

export const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
export const SPAN_ID = "00f067aa0ba902b7";
export const TRACEPARENT: string = `00-${TRACE_ID}-${SPAN_ID}-01`;

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Sends a request with the given headers and `Host` only, over a connection of its own. */
export function send(
  url: string,
  options: { method?: string; headers?: OutgoingHttpHeaders; body?: string } = {},
): Promise<Answer> {
  const { method = "GET", headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const request = startRequest(url, { method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** Sends a text as it is, and returns everything that arrives until the server closes the connection. */
export function sendRaw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => (answer += chunk));
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}

/** Sends a GET, and closes the connection once `isReady` holds. Default: when the first bytes of the response arrive. */
export async function sendAndClose(
  port: number,
  options: { path?: string; isReady?: () => boolean; close?: "destroy" | "resetAndDestroy" } = {},
): Promise<void> {
  const { path = "/", isReady, close = "destroy" } = options;
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  await (isReady === undefined ? once(socket, "data") : until(isReady));
  socket[close]();
}

/** The attributes of the span of a plain GET over loopback, with `more` merged in. */
export function getAttributes(port: number, path: string, more: Attributes = {}): Attributes {
  return {
    "http.request.method": "GET",
    "url.path": path,
    "url.scheme": "http",
    "server.address": "127.0.0.1",
    "server.port": port,
    "client.address": "127.0.0.1",
    "network.peer.address": "127.0.0.1",
    "network.peer.port": expect.any(Number) as number,
    "network.protocol.version": "1.1",
    "http.response.status_code": 200,
    ...more,
  };
}
