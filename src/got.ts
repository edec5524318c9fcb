import type { Got, Options, Response } from "got";
import { createTraceHandler } from "./clients/got/handler.ts";
import { clientConfig } from "./core/calls/client-config.ts";
import { describe, hasOptions } from "./core/telemetry/check-options.ts";
import type { ClientOptions } from "./core/telemetry/options.ts";
import { sharedState } from "./core/telemetry/shared-state.ts";

/** Options of {@link wrapGot}. Hooks receive got's `Options` as the request and got's `Response` to one attempt, when its headers have arrived. */
export type GotOptions = ClientOptions<Options, Response>;

/**
 * Returns a got instance whose requests are recorded as CLIENT spans and carry the trace context. Each attempt on the wire has a span of its own: retries,
 * redirect hops and pages of `paginate` too. A span ends with the last byte of the response. The given instance is not changed.
 *
 * An instance that is already traced is returned as it is if no options are given. With options it is wrapped again: a request then has one span, and
 * carries only what both policies allow.
 *
 * @param got an instance of got 14, 15 or 16. It can be extended before and after it is wrapped.
 * @throws TypeError if an option is invalid or `got` is not a got instance.
 *
 * @example
 * const client = wrapGot(got.extend({ prefixUrl: "https://agents.example" }));
 * const card = await client(".well-known/agent-card.json").json();
 */
export function wrapGot<Instance extends Got>(got: Instance, options: GotOptions = {}): Instance {
  const config = clientConfig("wrapGot", options);
  const defaults = (got as Partial<Got> | undefined)?.defaults;
  if (typeof got !== "function" || defaults === undefined) {
    throw new TypeError(`wrapGot: got must be a got instance, not ${describe(got)}`);
  }
  const { instrumented } = sharedState;
  // An instance that was extended from a traced one is not in the set, but has its handler.
  const isTraced = instrumented.has(got) || defaults.handlers.some((handler) => instrumented.has(handler));
  if (isTraced && !hasOptions(options)) return got;
  const { mutableDefaults } = defaults;
  const handler = createTraceHandler(config);
  const instance = got.extend({ handlers: [handler], mutableDefaults }) as unknown as Instance;
  instrumented.add(handler);
  instrumented.add(instance);
  return instance;
}
