import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable, pipeline } from "node:stream";
import type { Visit } from "./visit.ts";

export type ServerKind = "node" | "express" | "http2";

/** What an application does with a request. The types are those of node:http; those of node:http2's compatibility API are alike. */
export interface Handler {
  readonly name: string;
  /** Whether it sends and ends its response by itself; default: yes. */
  readonly ends?: false | ((kind: ServerKind) => boolean);
  /** Whether it sends the head of a response; default: yes. */
  readonly answers?: false | ((kind: ServerKind) => boolean);
  /** Whether the connection can serve another request afterwards. */
  readonly isClean?: true;
  /** The servers that it supports; default: all. */
  readonly kinds?: readonly ServerKind[];
  readonly handle: (request: IncomingMessage, response: ServerResponse, visit: Visit) => unknown;
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const HTTP1: readonly ServerKind[] = ["node", "express"];
const BLOCK = Buffer.alloc(65_536, "block");

async function bodyOf(request: AsyncIterable<Buffer>): Promise<string> {
  let size = 0;
  for await (const chunk of request) size += chunk.length;
  return `${size} bytes`;
}

export const HANDLERS: readonly Handler[] = [
  { name: "answers", isClean: true, handle: (_, response) => response.end("ok") },
  { name: "answers later", isClean: true, handle: (_, response) => void turn().then(() => response.end("later")) },
  { name: "answers 404", isClean: true, handle: (_, response) => response.writeHead(404, { "x-a": "1" }).end("not here") },
  { name: "answers 500", isClean: true, handle: (_, response) => response.writeHead(500).end("broken") },
  { name: "answers 204", isClean: true, handle: (_, response) => response.writeHead(204).end() },
  {
    name: "reads by events",
    isClean: true,
    handle: (request, response, visit) => {
      let size = 0;
      request.on("data", (chunk: Buffer) => {
        visit.look("on data");
        size += chunk.length;
      });
      request.on("end", () => response.end(`${size} bytes`));
    },
  },
  { name: "reads by a loop", isClean: true, handle: async (request, response) => response.end(await bodyOf(request)) },
  { name: "pipes back", handle: (request, response) => pipeline(request, response, () => {}) },
  {
    name: "answers in pieces",
    isClean: true,
    handle: async (_, response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      for (const piece of ["one ", "two ", "three"]) {
        response.write(piece);
        await turn();
      }
      response.end();
    },
  },
  {
    name: "sends trailers",
    isClean: true,
    handle: (request, response) => {
      if (request.httpVersion !== "1.0") response.setHeader("trailer", "x-sum");
      response.write("body");
      // HTTP/1.0 and HEAD have no trailers.
      if (request.method !== "HEAD" && request.httpVersion !== "1.0") response.addTrailers({ "x-sum": "1" });
      response.end();
    },
  },
  {
    name: "sends early hints",
    handle: async (_, response) => {
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      await turn();
      response.end("hinted");
    },
  },
  { name: "sends much", handle: (_, response) => response.end(Buffer.alloc(1_000_000, "much")) },
  {
    name: "sends much, by a pipeline",
    handle: (_, response) => pipeline(Readable.from(Array.from({ length: 16 }, () => BLOCK)), response, () => {}),
  },
  { name: "holds", ends: false, answers: false, handle: () => {} },
  { name: "holds after the head", ends: false, handle: (_, response) => response.writeHead(200).flushHeaders() },
  { name: "holds in the body", ends: false, handle: (_, response) => response.writeHead(200).write("part") },
  {
    name: "sends events without end",
    ends: false,
    handle: async (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      while (!response.destroyed && !(response as { stream?: { destroyed: boolean } }).stream?.destroyed) {
        response.write("data: event\n\n");
        await turn();
      }
    },
  },
  {
    name: "answers when the client has gone",
    ends: false,
    answers: false,
    handle: (request, response) => void request.on("close", () => setImmediate(() => response.end("too late"))),
  },
  {
    name: "throws",
    ends: (kind) => kind === "express",
    answers: (kind) => kind === "express",
    handle: () => {
      throw new Error("the handler throws");
    },
  },
  {
    name: "rejects",
    ends: (kind) => kind === "express",
    answers: (kind) => kind === "express",
    handle: async () => {
      await turn();
      // Express responds with the stack, whose frames depend on JIT compilation.
      throw Object.assign(new Error("the handler rejects"), { stack: "Error: the handler rejects\n    at a handler" });
    },
  },
  {
    name: "throws in the body",
    ends: false,
    kinds: ["node", "http2"],
    handle: (_, response) => {
      response.writeHead(200).write("part");
      throw new Error("the handler throws");
    },
  },
  { name: "destroys the response", answers: false, handle: (_, response) => response.destroy() },
  {
    name: "destroys the response with an error",
    answers: false,
    kinds: HTTP1,
    handle: (_, response) => response.destroy(new Error("the handler's own")),
  },
  {
    name: "destroys the response in the body",
    handle: async (_, response) => {
      response.writeHead(200).write("part");
      await turn();
      response.destroy();
    },
  },
  { name: "destroys the request", answers: false, kinds: HTTP1, handle: (request) => request.destroy() },
  { name: "destroys the socket", answers: false, kinds: HTTP1, handle: (request) => request.socket.destroy() },
  {
    name: "resets the socket in the body",
    kinds: HTTP1,
    handle: async (request, response) => {
      response.writeHead(200).write("part");
      await turn();
      request.socket.resetAndDestroy();
    },
  },
  { name: "ends twice", isClean: true, handle: (_, response) => void (response.end("ok"), response.end("again")) },
  {
    name: "writes after the end",
    isClean: true,
    kinds: HTTP1,
    handle: (_, response) => {
      response.end("ok");
      response.write("more");
    },
  },
  {
    name: "sends two heads",
    isClean: true,
    handle: (_, response, { notes }) => {
      response.writeHead(200).write("part");
      try {
        response.writeHead(500);
      } catch (error) {
        notes.push(String((error as { code?: unknown }).code));
      }
      response.end();
    },
  },
  {
    name: "sends less than it says",
    kinds: HTTP1,
    handle: (_, response) => response.writeHead(200, { "content-length": "10", connection: "close" }).end("part"),
  },
  {
    name: "closes after 413",
    kinds: HTTP1,
    handle: (_, response) => response.writeHead(413, { connection: "close" }).end("too much"),
  },
];

/** Calls the handler of a request's visit and records the events that it observes. */
export function handle(request: IncomingMessage, response: ServerResponse, visit: Visit): unknown {
  const number = visit.handled++;
  const note = (event: string): void => {
    visit.notes.push(`${number} ${event}`);
    visit.look(event);
  };
  visit.look("handler");
  for (const name of ["end", "aborted", "close"]) request.on(name, () => note(`request ${name}`));
  request.on("error", (error: { code?: unknown }) => note(`request error ${String(error.code)}`));
  for (const name of ["finish", "close"]) response.on(name, () => note(`response ${name}`));
  response.on("error", (error: { code?: unknown }) => note(`response error ${String(error.code)}`));
  setImmediate(() => visit.reached("handled"));
  return visit.handler.handle(request, response, visit);
}
