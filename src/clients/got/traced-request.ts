import type { ClientCall } from "../../core/calls/client-call.ts";
import type { ClientConfig } from "../../core/calls/client-config.ts";

/** `http.request`, or the function that replaces it. */
export type RequestFunction = (...args: unknown[]) => unknown;

/** One request of the application. got may make several attempts of it: retries and redirect hops. */
export interface TracedRequest {
  readonly config: ClientConfig;
  /** What got returned to the application: a promise or a stream. */
  result: unknown;
  /** How many redirects in a row got has decided to follow, up to the latest attempt. */
  redirectCount: number;
  /** Whether the latest attempt was answered with a redirect that got follows. */
  isRedirected: boolean;
  /** Whether the instance was traced already: then an inner handler of this package intercepts the request function too. */
  hasInner: boolean;
  latestCall: ClientCall | undefined;
}
