import { recognisePath } from "./a2a-recognition.ts";
import type { A2ARecognition } from "./a2a-recognition.ts";
import { OTHER_METHOD } from "./attributes.ts";
import { originOf } from "./urls.ts";
import { redactUrl } from "./redaction.ts";
import type { Origin } from "./urls.ts";
import type { UrlTest } from "../propagation/matchers.ts";
import type { RequestRules } from "../telemetry/request-rules.ts";
import { BoundedCache } from "./bounded-cache.ts";

/** What the method and the URL of a request determine. */
export interface Target {
  readonly method: string;
  readonly url: string;
  readonly origin: Origin;
  /** `http.request.method`. */
  readonly recordedMethod: string;
  /** `url.full`. */
  readonly recordedUrl: string;
  /** The A2A method that the path matches; the headers may have to confirm it. */
  readonly a2a: A2ARecognition | undefined;
  /** Whether telemetry is sent to the URL, so that the request is not traced. */
  readonly isTelemetrySink: boolean;
}

/**
 * Returns a function that computes targets by the rules of a client. Targets are cached by URL, because agents call few URLs again and again.
 *
 * @param isSink whether telemetry is sent to a URL; undefined if all URLs are traced.
 */
export function targetSource(
  { knownMethods, sensitive }: RequestRules,
  isSink: UrlTest | undefined,
): (method: string, url: string) => Target {
  const cache = new BoundedCache<Target>();
  return (method, url) => {
    const known = cache.get(url);
    if (known !== undefined && known.method === method) return known;
    const target: Target = {
      method,
      url,
      origin: originOf(url),
      recordedMethod: knownMethods.has(method) ? method : OTHER_METHOD,
      recordedUrl: redactUrl(url, sensitive),
      a2a: recognisePath(method, url),
      isTelemetrySink: isSink?.(url) === true,
    };
    cache.set(url, target);
    return target;
  };
}
