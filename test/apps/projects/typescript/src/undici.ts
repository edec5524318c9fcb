import { traceInterceptor } from "a2a-otel/undici";
import type { UndiciOptions, UndiciRequest, UndiciResponse } from "a2a-otel/undici";
import { wrapFetch } from "a2a-otel/fetch";
import { Agent, fetch as undiciFetch, interceptors } from "undici";
import type { Dispatcher } from "undici";
import { same } from "./type.js";

const options: UndiciOptions = {
  urlTemplate: (request) => {
    same<typeof request, UndiciRequest>();
    return request.path;
  },
  responseHook: (span, { request, response }) => {
    same<typeof response, UndiciResponse>();
    same<typeof request, Dispatcher.DispatchOptions>();
    const age = response.headers["age"];
    span.setAttribute("status", `${response.statusCode} ${response.statusMessage ?? ""} ${String(age)}`);
  },
};
export const interceptor = traceInterceptor(options);
interceptor satisfies Dispatcher.DispatcherComposeInterceptor;
export const dispatcher = new Agent().compose(interceptor, interceptors.retry());
// @ts-expect-error no such option
traceInterceptor({ retries: 1 });

const ofUndici = wrapFetch(undiciFetch, { endSpanOn: "headers" });
same<typeof ofUndici, typeof undiciFetch>();
