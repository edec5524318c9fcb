import type { Span } from "@opentelemetry/api";
import { instrumentFetch, wrapFetch } from "a2a-otel/fetch";
import type { FetchOptions, FetchRequest } from "a2a-otel/fetch";
import { same } from "./type.js";

const options: FetchOptions = {
  ignoreRequestHook: ({ input, init }) => init?.method === "HEAD" || String(input).endsWith("/health"),
  urlTemplate: (request) => {
    same<typeof request, FetchRequest>();
    return undefined;
  },
  requestHook: (span, { init }) => {
    same<typeof span, Span>();
    span.setAttribute("cached", init?.cache === "force-cache");
  },
  responseHook: (span, { request, response }) => {
    same<typeof response, Response>();
    same<typeof request, FetchRequest>();
    span.setAttribute("redirected", response.redirected);
  },
};
export const undo: () => void = instrumentFetch(options);
instrumentFetch({ ignoreRequestHook: ({ input }) => input instanceof Request });
// @ts-expect-error a hook gives true or false
instrumentFetch({ ignoreRequestHook: () => "yes" });

export const traced = wrapFetch(fetch, options);
traced satisfies typeof fetch;
const answer = traced("https://agents.example", { method: "POST", body: "{}" });
same<typeof answer, Promise<Response>>();
const own = Object.assign(async (..._: Parameters<typeof fetch>) => new Response(), { preconnect: (_url: string) => {} });
wrapFetch(own).preconnect("https://agents.example");
// @ts-expect-error no fetch
wrapFetch(() => 1);
