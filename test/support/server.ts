import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A received request. */
export interface Recorded {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
  body: Buffer;
}

export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  /** The requests received, oldest first. */
  readonly requests: Recorded[];
  /** All values of a header of a request, by default the newest, as received. */
  readonly values: (name: string, request?: Recorded) => string[];
  readonly close: () => Promise<void>;
}

/** Starts a server on loopback. */
export async function listen(listener: RequestListener): Promise<TestServer> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const requests: Recorded[] = [];
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    server,
    requests,
    values: (name, request = requests.at(-1)) => valuesOf(name, request),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function valuesOf(name: string, request: Recorded | undefined): string[] {
  const raw = request?.rawHeaders ?? [];
  return raw.filter((_, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === name.toLowerCase());
}

/** Starts a server that records every request and responds by the routes, which are keyed by path. */
export async function serve(
  routes: Record<string, (request: IncomingMessage, response: ServerResponse, body: Buffer) => void>,
): Promise<TestServer> {
  const recorder = await listen((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const { method = "", url = "", headers, rawHeaders } = request;
      recorder.requests.push({ method, url, headers, rawHeaders, body });
      const route = routes[url.replace(/\?.*/, "")] ?? routes["*"];
      if (route === undefined) response.writeHead(404).end();
      else route(request, response, body);
    });
  });
  return recorder;
}

/** Server behaviours for tests of clients, by path. */
export const ROUTES: Record<string, (request: IncomingMessage, response: ServerResponse, body: Buffer) => void> = {
  "/ok": (_, response) => void response.writeHead(200, { "content-type": "text/plain" }).end("hello"),
  "/json": (_, response) => void response.writeHead(200, { "content-type": "application/json" }).end('{"answer":42}'),
  "/echo": (_, response, body) => void response.writeHead(200).end(body),
  "/empty": (_, response) => void response.writeHead(204).end(),
  "/missing": (_, response) => void response.writeHead(404).end("missing"),
  "/broken": (_, response) => void response.writeHead(500).end("broken"),
  "/redirect": (_, response) => void response.writeHead(302, { location: "/ok" }).end("moved"),
  "/redirect-307": (_, response) => void response.writeHead(307, { location: "/echo" }).end("moved"),
  "/loop": (_, response) => void response.writeHead(302, { location: "/loop" }).end("moved"),
  "/large": (_, response) => void response.writeHead(200).end(Buffer.alloc(5_000_000)),
  "/stall": () => {},
  "/cut": (_, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write("abc");
    setTimeout(() => response.socket?.destroy(), 30);
  },
  "/reset": (_, response) => void response.socket?.resetAndDestroy(),
  "/events": (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    let count = 0;
    const timer = setInterval(() => {
      response.write(`data: ${count}\n\n`);
      if (++count === 5) response.end();
    }, 10);
    response.on("close", () => clearInterval(timer));
  },
  "/endless": (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const timer = setInterval(() => response.write("data: x\n\n"), 10);
    response.on("close", () => clearInterval(timer));
  },
};
