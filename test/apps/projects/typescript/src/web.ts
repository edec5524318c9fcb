import { traceMiddleware, traceRequests } from "a2a-otel/server/web";
import type { HonoMiddleware, WebOptions } from "a2a-otel/server/web";
import { Hono } from "hono";
import type { MiddlewareHandler } from "hono";
import { same } from "./type.js";

const options: WebOptions = {
  ignoreRequestHook: (request) => {
    same<typeof request, Request>();
    return request.url.endsWith("/health");
  },
  responseHook: (span, { response }) => {
    same<typeof response, Response>();
    span.setAttribute("type", response.type);
  },
};
const made = traceMiddleware(options);
same<typeof made, HonoMiddleware>();
made satisfies MiddlewareHandler;
export const app = new Hono().use(made).get("/agents/:name", traceMiddleware(), (c) => c.text(c.req.param("name")));

export const handler = traceRequests(app.fetch, options);
handler(new Request("https://agents.example"));
interface Env {
  readonly greeting: string;
}
export const worker = { fetch: traceRequests(async (request: Request, env: Env) => new Response(env.greeting + request.url)) };
same<ReturnType<typeof worker.fetch>, Promise<Response>>();
void worker.fetch(new Request("https://agents.example"), { greeting: "hello" });
// @ts-expect-error the handler's second argument is missing
void worker.fetch(new Request("https://agents.example"));
// @ts-expect-error an app is no handler
traceRequests(app);
