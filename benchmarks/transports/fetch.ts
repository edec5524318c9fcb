import { RESPONSE_HEADERS } from "./exchange.ts";
import { flat } from "./undici-wire.ts";
import type { Wire } from "./undici-wire.ts";

export type FetchStub = (url: string, init: { method: string; headers: Record<string, string>; body: string }) => Promise<Response>;

/** How the response comes: whole in one packet, as most do, or its end only after the application has been given it. */
export type Arrival = "whole" | "streamed";

/** A fetch that does nothing but what an instrumentation sees of the platform's: its channels and its promise. */
export function fetchStub(wire: Wire, arrival: Arrival): FetchStub {
  return async (url, init) => {
    // It stands for Node's own fetch, which is known by what it loads: internal/deps/undici.
    const end = url.indexOf("/", 8);
    const request = { origin: url.slice(0, end), path: url.slice(end), method: init.method, headers: flat(init.headers) };
    await TURN; // the platform's has sent nothing yet when it returns
    wire.send(request);
    await TURN;
    wire.respond(request);
    if (arrival === "whole") wire.finish(request);
    else void TURN.then(() => TURN).then(() => wire.finish(request));
    return arrival === "whole" ? WHOLE : new Response("{}", { headers: RESPONSE_HEADERS });
  };
}

const TURN = Promise.resolve();
const WHOLE = new Response("{}", { headers: RESPONSE_HEADERS });
