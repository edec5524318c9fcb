import { injectTraceContext } from "a2a-otel";
import { instrumentFetch, wrapFetch } from "a2a-otel/fetch";
import { traceMiddleware, traceRequests } from "a2a-otel/server/web";

export const undo = instrumentFetch({ propagateTo: [location.origin] });
export const traced = wrapFetch(fetch);
export const stored = injectTraceContext(new Headers());
export const worker = { fetch: traceRequests(async (request: Request) => new Response(request.url)) };
export const use = traceMiddleware();
