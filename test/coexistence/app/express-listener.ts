import express from "express";
import type { Express, RequestHandler } from "express";

/** The agent as an express application, with a middleware of ours or with none. */
export function expressListener(answer: RequestHandler, ...middleware: RequestHandler[]): Express {
  const app = express();
  for (const each of middleware) app.use(each);
  app.get("/work", answer);
  return app;
}
