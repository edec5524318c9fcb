import { createServer as createHttpServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import express from "express";
import { traceRequests } from "a2a-otel/server/express";

/** The agent as an express application. */
export function createServer(answer: (incoming: IncomingMessage, response: ServerResponse) => Promise<void>): Server {
  const app = express();
  app.use(traceRequests());
  app.get("/work", answer);
  return createHttpServer(app);
}
