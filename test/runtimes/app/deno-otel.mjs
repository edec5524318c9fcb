// A service that relies on Deno's own tracing (OTEL_DENO=true): no SDK, no context manager and no propagator of its own.
import { wrapFetch } from "a2a-otel/fetch";
import { traceMiddleware, traceRequests } from "a2a-otel/server/web";
import { Hono } from "hono";

const calls = {
  platform: fetch,
  wrapped: wrapFetch(fetch),
  restricted: wrapFetch(fetch, { propagateTo: [], baggageTo: [] }),
};

/** Answers with the headers that the agent has received. */
const forward = (request) => calls[new URL(request.url).searchParams.get("by")](new URL(request.url).searchParams.get("to"));

const hono = new Hono().use(traceMiddleware()).get("/hono/:name", (c) => forward(c.req.raw));
const traced = traceRequests(forward);

Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`) }, (request, info) =>
  new URL(request.url).pathname.startsWith("/hono/") ? hono.fetch(request, info) : traced(request, info),
);
