/** A Cloudflare Worker; it needs the compatibility flag `nodejs_compat`. When this file is run on Node.js, it sends one request to the Worker. */
/* oxlint-disable import/no-default-export -- Cloudflare requires it */
import "./tracing.ts";
import { trace } from "@opentelemetry/api";
import { wrapFetch } from "a2a-otel/fetch";
// #region readme
import { traceRequests } from "a2a-otel/server/web";

type Ctx = { waitUntil(promise: Promise<unknown>): void };
type Worker = { fetch(request: Request, env: { GREETING: string }, ctx: Ctx): Promise<Response> };

const worker: Worker = {
  fetch: traceRequests(async (request, env, ctx) => {
    const name = new URL(request.url).pathname.slice(1);
    ctx.waitUntil(remember(name)); // in the same trace, also after the response
    return new Response(`${env.GREETING} ${name}`);
  }),
};

export default worker;
// #endregion

async function remember(name: string): Promise<void> {
  await Promise.resolve();
  trace.getTracer("worker").startSpan(`remember ${name}`).end();
}

if (import.meta.main) {
  const pending: Promise<unknown>[] = [];
  const ctx: Ctx = { waitUntil: (promise) => void pending.push(promise) };
  const receive = (url: string, init: RequestInit): Promise<Response> =>
    worker.fetch(new Request(url, init), { GREETING: "hello" }, ctx);
  const response = await wrapFetch(receive as typeof fetch)("https://agents.example/researcher");
  console.log(await response.text());
  await Promise.all(pending);
}
