import { traceRequests } from "a2a-otel/server/koa";
import type { KoaMiddleware, KoaOptions } from "a2a-otel/server/koa";

// Without @types/koa, which does not compile beside the content-disposition of express 5.3.
const options: KoaOptions = {
  ignoreRequestHook: (request) => request.path === "/health",
  responseHook: (span, { response }) => void span.setAttribute("status", response.status),
};
export const middleware: KoaMiddleware = traceRequests(options);
// @ts-expect-error no such word
traceRequests({ incoming: "follow" });
