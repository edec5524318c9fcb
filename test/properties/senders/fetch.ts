import { instrumentFetch, wrapFetch } from "../../../src/fetch.ts";
import type { ClientOptions } from "../../../src/index.ts";
import { headersWith } from "../requests.ts";
import { BAGS, HEADERS_OF_FETCH } from "../shapes.ts";
import { once, taken } from "./sender.ts";
import type { Sender, Ways } from "./sender.ts";

const platform = globalThis.fetch;

const OF: Ways<(options: ClientOptions) => typeof fetch> = {
  "the platform's": once((options) => wrapFetch(platform, options)),
  "a function of the application's": once((options) => wrapFetch((input, init) => fetch(input, init), options)),
  "one that is wrapped twice": once((options) => {
    const inner = wrapFetch(platform, options);
    return wrapFetch((input, init) => inner(input, init), options);
  }),
  "the global one": (options) => (input, init) => {
    const undo = instrumentFetch(options);
    const response = fetch(input, init);
    undo();
    return response;
  },
};

const urlAgain = new URL("http://localhost/");

const INPUT: Ways<(url: string, init: object) => [string | URL | Request, object?]> = {
  "a string": (url, init) => [url, init],
  "a URL": (url, init) => [new URL(url), init],
  "the last URL, changed": (url, init) => [Object.assign(urlAgain, { href: url }), init],
  "an object that becomes a string": (url, init) => [{ toString: () => url } as unknown as string, init],
  "a Request": (url, init) => [new Request(url, init)],
  "a Request with an init": (url, init) => [new Request(url, { method: "POST", headers: { "x-gone": "1" } }), init],
};

const BODY: Ways<(body: string | undefined) => unknown> = {
  "a string": (body) => body,
  bytes: (body) => body && new TextEncoder().encode(body),
  "a Blob": (body) => body && new Blob([body]),
  "a stream": (body) => body && new Blob([body]).stream(),
};

export const throughFetch: Sender = {
  name: "fetch",
  ways: {
    of: Object.keys(OF),
    input: Object.keys(INPUT),
    init: Object.keys(BAGS),
    headers: Object.keys(HEADERS_OF_FETCH),
    body: Object.keys(BODY),
  },
  send: async (asked, server, way, traced) => {
    const send = traced === undefined ? platform : taken(OF, way, "of")(traced);
    const init = {
      method: asked.method,
      headers: taken(HEADERS_OF_FETCH, way, "headers")(headersWith(asked)),
      body: taken(BODY, way, "body")(asked.body),
      duplex: "half",
    };
    const response = await send(...taken(INPUT, way, "input")(server + asked.path, taken(BAGS, way, "init")(init)));
    return { status: response.status, body: await response.text() };
  },
};
