import { recognisePath } from "./a2a-recognition.ts";
import type { A2ARecognition } from "./a2a-recognition.ts";
import { OTHER_METHOD, originOf, redactUrl } from "./attributes.ts";
import type { Origin } from "./attributes.ts";
import type { RequestRules } from "./options.ts";

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

/** Reads methods and URLs by a client's options. The last target is at hand, for an agent asks the same again and again. */
export function targetSource({ knownMethods, sensitive }: RequestRules): (method: string, url: string) => Target {
  let last: Target | undefined;
  return (method, url) => {
    if (last !== undefined && last.url === url && last.method === method) return last;
    last = {
      method,
      url,
      origin: originOf(url),
      recordedMethod: knownMethods.has(method) ? method : OTHER_METHOD,
      recordedUrl: redactUrl(url, sensitive),
      a2a: recognisePath(method, url),
    };
    return last;
  };
}
