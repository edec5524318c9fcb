import { makeTracedFetch } from "./clients/fetch/traced-fetch.ts";
import { wrapGlobalFetch } from "./clients/fetch/global-fetch.ts";
import { clientConfig } from "./core/calls/client-config.ts";
import type { ClientConfig } from "./core/calls/client-config.ts";
import type { GlobalInstrumentation } from "./core/telemetry/global-instrumentation.ts";
import { describe, hasOptions } from "./core/telemetry/check-options.ts";
import type { ClientOptions } from "./core/telemetry/options.ts";
import { sharedState } from "./core/telemetry/shared-state.ts";

/** A fetch request as hooks receive it: its arguments. */
export interface FetchRequest {
  readonly input: string | URL | Request;
  readonly init: RequestInit | undefined;
}

/** Options of {@link instrumentFetch} and {@link wrapFetch}. */
export type FetchOptions = ClientOptions<FetchRequest, Response>;

type Fetch = typeof globalThis.fetch;

/** What a fetch function of any type extends. */
type FetchLike = (input: never, init?: never) => Promise<object>;

/**
 * Instruments the global fetch: each request gets a CLIENT span and carries the trace context.
 *
 * The global is wrapped once, however often this is called and from however many copies of this package. Options take effect also over an earlier
 * instrumentation without options (`a2a-otel/register`, another call), until they are undone. Code that has stored a reference to `fetch` before is
 * not covered.
 *
 * @returns a function that undoes this call. If other code has wrapped the global in the meantime, its wrapper stays in place, and this
 * package's wrapper inside it only passes calls on.
 * @throws TypeError for an invalid option, if the runtime has no global fetch, or if an earlier call has set other options.
 *
 * @example
 * const undo = instrumentFetch();
 * await fetch("https://agents.example/rpc", { method: "POST", body });
 */
export function instrumentFetch(options: FetchOptions = {}): () => void {
  const config = clientConfig("instrumentFetch", options);
  const original = globalThis.fetch;
  if (typeof original !== "function") throw new TypeError("instrumentFetch: this runtime has no global fetch");
  const existing = sharedState.globalInstrumentations.get(original) as GlobalInstrumentation<ClientConfig> | undefined;
  const instrumentation = existing ?? wrapGlobalFetch(original);
  return instrumentation.install({ caller: instrumentFetch, options, config });
}

/**
 * Wraps a fetch function, for clients that take one (`fetchImpl`). The given function is not changed.
 *
 * A function that is already instrumented is returned as it is if no options are given. With options it is wrapped again: a request then has one span, and
 * carries only what both policies allow.
 *
 * @throws TypeError for an invalid option, or if `fetch` is not a function.
 *
 * @example
 * const client = await createClient({ fetchImpl: wrapFetch(fetch) });
 */
export function wrapFetch<F extends Fetch>(fetch: F, options?: FetchOptions): Fetch & F;
/** Wraps a fetch function with types of its own, such as that of the package `undici`. */
export function wrapFetch<F extends FetchLike>(fetch: F, options?: FetchOptions): F;
export function wrapFetch<F extends Fetch>(fetch: F, options: FetchOptions = {}): F {
  const config = clientConfig("wrapFetch", options);
  if (typeof fetch !== "function") throw new TypeError(`wrapFetch: fetch must be a function, not ${describe(fetch)}`);
  if (sharedState.instrumented.has(fetch) && !hasOptions(options)) return fetch;
  return makeTracedFetch(fetch, { config }, fetch === globalThis.fetch) as F;
}
