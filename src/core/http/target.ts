import { recognisePath } from "./a2a-recognition.ts";
import type { A2ARecognition } from "./a2a-recognition.ts";
import { OTHER_METHOD } from "./attributes.ts";
import { originOf } from "./urls.ts";
import { redactUrl } from "./redaction.ts";
import type { Origin } from "./urls.ts";
import type { RequestRules } from "../telemetry/options.ts";
import { BoundedCache } from "./bounded-cache.ts";

/** What the method and the URL alone say of a call. */
export interface Target {
  readonly method: string;
  readonly url: string;
  readonly origin: Origin;
  /** `http.request.method`. */
  readonly recordedMethod: string;
  /** `url.full`. */
  readonly recordedUrl: string;
  /** What the path shows of A2A; its headers may have to confirm it. */
  readonly a2a: A2ARecognition | undefined;
}

/** Reads methods and URLs by a client's options; what was asked lately is at hand, for an agent asks the same again and again. */
export function targetSource({ knownMethods, sensitive }: RequestRules): (method: string, url: string) => Target {
  const recent = new BoundedCache<Target>();
  return (method, url) => {
    const known = recent.get(url);
    if (known !== undefined && known.method === method) return known;
    const target: Target = {
      method,
      url,
      origin: originOf(url),
      recordedMethod: knownMethods.has(method) ? method : OTHER_METHOD,
      recordedUrl: redactUrl(url, sensitive),
      a2a: recognisePath(method, url),
    };
    recent.set(url, target);
    return target;
  };
}
