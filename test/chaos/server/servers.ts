import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import express from "express";
import { handle } from "./handlers.ts";
import type { ServerKind } from "./handlers.ts";
import { visitOf } from "./visit.ts";

export interface ChaosServer {
  readonly port: number;
  /** The server's sides of the open connections. */
  readonly sockets: ReadonlySet<Socket>;
  readonly close: () => Promise<void>;
}

/** Starts a server of the given kind, with this library or without it. */
export async function serve(kind: ServerKind, isTraced: boolean): Promise<ChaosServer> {
  const server = kind === "express" ? await expressServer(isTraced) : await nodeServer(kind, isTraced);
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

const listener: RequestListener = (request, response) => {
  const visit = visitOf(request.url);
  if (visit === undefined) response.writeHead(410).end();
  else return handle(request, response, visit) as void;
};

async function nodeServer(kind: ServerKind, isTraced: boolean): Promise<Server> {
  const traced = isTraced ? (await import("../../../src/server/node.ts")).traceRequests(listener) : listener;
  const server = kind === "http2" ? createHttp2Server(traced as never) : createServer(traced);
  return server.on("sessionError", () => {});
}

async function expressServer(isTraced: boolean): Promise<Server> {
  const app = express();
  if (isTraced) app.use((await import("../../../src/server/express.ts")).traceRequests());
  const router = express.Router();
  router.all("/:visit/first", (request, response) => {
    const visit = visitOf(request.url);
    return visit === undefined ? response.status(410).end() : handle(request, response, visit);
  });
  app.use(router);
  app.set("env", "test"); // no stack on stderr
  return createServer(app);
}
