import type { Dispatcher } from "undici";
import { makeInterceptor } from "./clients/undici/interceptor.ts";
import { clientConfig } from "./core/calls/client-config.ts";
import type { ClientOptions } from "./core/telemetry/options.ts";

/** An undici request as hooks receive it: the options that were dispatched, as the caller gave them. */
export type UndiciRequest = Dispatcher.DispatchOptions;

/** An undici response as hooks receive it. */
export interface UndiciResponse {
  readonly statusCode: number;
  /** By lower-case name. */
  readonly headers: Record<string, string | string[] | undefined>;
  readonly statusMessage: string | undefined;
}

/** Options of {@link traceInterceptor}. */
export type UndiciOptions = ClientOptions<UndiciRequest, UndiciResponse>;

/**
 * Makes an interceptor that gives each request of an undici dispatcher a CLIENT span and the headers that carry the trace context.
 *
 * In `compose()` the last interceptor is the outermost. Before `retry` and `redirect`, this one sees each attempt, and each becomes a span with
 * `http.request.resend_count`; after them there is one span with the final status. Put it after `dns`, which replaces the host name by an address,
 * and before `cache` and `deduplicate`, which may answer without a request.
 *
 * @throws TypeError for an invalid option.
 *
 * @example
 * const dispatcher = new Agent().compose(traceInterceptor(), interceptors.retry());
 * const { body } = await dispatcher.request({ origin: "https://agents.example", path: "/rpc", method: "POST", body: message });
 */
export function traceInterceptor(options: UndiciOptions = {}): Dispatcher.DispatcherComposeInterceptor {
  return makeInterceptor(clientConfig("traceInterceptor", options));
}
