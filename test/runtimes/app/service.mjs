import { trace } from "@opentelemetry/api";
import { wrapFetch } from "a2a-otel/fetch";
import { traceMiddleware, traceRequests } from "a2a-otel/server/web";
import { setupPropagation } from "a2a-otel/setup";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { sleep } from "./assert.mjs";
import { clientChecks } from "./client-checks.mjs";
import { helperChecks } from "./helper-checks.mjs";
import { flush, startTelemetry } from "./telemetry.mjs";

const tracer = trace.getTracer("application");

/**
 * A service as it stands on each runtime: the same handlers, and what the test asks it for.
 *
 * @param on what this runtime is like; see `clientChecks`.
 */
export function createService(name, on) {
  startTelemetry(name);
  const setup = setupPropagation();
  const outbound = wrapFetch(globalThis.fetch);
  const here = { contexts: true, seesEnd: false, uploads: true, setup, ...on };

  const hono = new Hono().use(traceMiddleware());
  hono.get("/hono/agents/:name", async (c) => {
    await work("within hono");
    return c.text(`hono has ${c.req.param("name")}`);
  });
  hono.get("/hono/events/:name", (c) =>
    streamSSE(c, async (out) => {
      for (const data of ["0", "1", "2"]) {
        await out.sleep(40);
        await work(`event ${data}`);
        await out.writeSSE({ data });
      }
    }),
  );
  hono.get("/hono/throw", () => {
    throw new RangeError("thrown in hono");
  });

  const handler = traceRequests(async (request, ...rest) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/hello") {
      await sleep(5);
      await work("within");
      return new Response("hello");
    }
    if (pathname === "/events")
      return new Response(ReadableStream.from(events()), { headers: { "content-type": "text/event-stream" } });
    if (pathname === "/throw") throw new RangeError("thrown");
    if (pathname === "/later") {
      const later = sleep(20).then(() => work("later"));
      rest[1]?.waitUntil?.(later);
      return new Response("later");
    }
    if (pathname === "/chain") return new Response(`${name} ${await goOn(searchParams.get("to"))}`);
    return new Response("missing", { status: 404 });
  });

  async function goOn(to) {
    const [next, ...others] = to.split(",").filter((url) => url !== "");
    if (next === undefined) return "";
    return (await outbound(`${next}/chain?to=${others.join(",")}`)).text();
  }

  return (request, ...rest) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/checks") return checks(searchParams.get("agent"), searchParams.get("closed"), here);
    if (pathname === "/flush") return flush(searchParams.get("collector")).then(() => new Response("flushed"));
    return pathname.startsWith("/hono/") ? hono.fetch(request, ...rest) : handler(request, ...rest);
  };
}

async function checks(agent, closed, here) {
  return Response.json([...(await clientChecks(agent, closed, here)), ...(await helperChecks(agent, here))]);
}

async function* events() {
  for (const data of ["0", "1", "2"]) {
    await sleep(40);
    await work(`event ${data}`);
    yield new TextEncoder().encode(`data: ${data}\n\n`);
  }
}

/** A span of the application's own, in whatever context it is called. */
async function work(name) {
  const span = tracer.startSpan(name);
  await sleep(1);
  span.end();
}
