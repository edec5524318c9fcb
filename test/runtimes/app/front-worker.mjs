// A Worker that calls others through bindings; docs/runtimes.md shows its lines.
import { injectTraceContext } from "a2a-otel";
import { wrapFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/web";
import { setupPropagation } from "a2a-otel/setup";
import { endedSpans, startTelemetry } from "./telemetry.mjs";

startTelemetry("front");
setupPropagation();

/** Calls by the name of a path; each returns what the callee has seen. */
const calls = {
  async service(env) {
    const askResearcher = wrapFetch((input, init) => env.RESEARCHER.fetch(input, init));
    return (await askResearcher("https://researcher/rpc")).json();
  },
  async durableObject(env) {
    const session = env.SESSION.get(env.SESSION.idFromName("one"));
    const askSession = wrapFetch((input, init) => session.fetch(input, init));
    return (await askSession("https://session/rpc")).json();
  },
  rpc: (env) => env.PLANNER.plan("a task", injectTraceContext()),
};

const handler = traceRequests(async (request, env) => Response.json(await calls[new URL(request.url).pathname.slice(1)](env)));

// A Worker is its module's default export.
// oxlint-disable-next-line import/no-default-export
export default {
  async fetch(request, env, ctx) {
    const response = await handler(request, env, ctx);
    return Response.json({ callee: await response.json(), spans: endedSpans() });
  },
};
