import { RESPONSE_HEADERS } from "./exchange.ts";
import { flattenHeaders } from "./undici-channels.ts";
import type { UndiciChannels } from "./undici-channels.ts";

export type StubFetch = (url: string, init: { method: string; headers: Record<string, string>; body: string }) => Promise<Response>;

/** `whole`: the body has arrived when fetch resolves, as with most small responses. `streamed`: its end arrives later. */
export type BodyArrival = "whole" | "streamed";

/** A fetch function that only does what an instrumentation sees of the platform's own: the diagnostics channels and the promise. */
export function createStubFetch(channels: UndiciChannels, bodyArrival: BodyArrival): StubFetch {
  return async (url, init) => {
    // The library recognizes Node's own fetch by the module name that its source text contains: internal/deps/undici.
    const end = url.indexOf("/", 8);
    const request = { origin: url.slice(0, end), path: url.slice(end), method: init.method, headers: flattenHeaders(init.headers) };
    await RESOLVED; // The platform's fetch has not sent the request yet when it returns its promise.
    channels.publishSent(request);
    await RESOLVED;
    channels.publishResponse(request);
    if (bodyArrival === "whole") channels.publishEnd(request);
    else void RESOLVED.then(() => RESOLVED).then(() => channels.publishEnd(request));
    return bodyArrival === "whole" ? SHARED_RESPONSE : new Response("{}", { headers: RESPONSE_HEADERS });
  };
}

const RESOLVED = Promise.resolve();
const SHARED_RESPONSE = new Response("{}", { headers: RESPONSE_HEADERS });
