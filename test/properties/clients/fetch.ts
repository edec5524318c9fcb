import { instrumentFetch, wrapFetch } from "../../../src/fetch.ts";
import type { ClientOptions } from "../../../src/index.ts";
import { headersWith } from "../requests.ts";
import { OBJECT_SHAPES, FETCH_HEADER_SHAPES } from "../argument-shapes.ts";
import { memoize, pick } from "./client.ts";
import type { PropertyClient, Variants } from "./client.ts";

const platform = globalThis.fetch;

const OF: Variants<(options: ClientOptions) => typeof fetch> = {
  "the global fetch, wrapped": memoize((options) => wrapFetch(platform, options)),
  "a function of the application": memoize((options) => wrapFetch((input, init) => fetch(input, init), options)),
  "wrapped twice": memoize((options) => {
    const inner = wrapFetch(platform, options);
    return wrapFetch((input, init) => inner(input, init), options);
  }),
  "the instrumented global fetch": (options) => (input, init) => {
    const undo = instrumentFetch(options);
    const response = fetch(input, init);
    undo();
    return response;
  },
};

const reusedUrl = new URL("http://localhost/");

const INPUT: Variants<(url: string, init: object) => [string | URL | Request, object?]> = {
  "a string": (url, init) => [url, init],
  "a URL": (url, init) => [new URL(url), init],
  "the last URL, changed": (url, init) => [Object.assign(reusedUrl, { href: url }), init],
  "an object with toString()": (url, init) => [{ toString: () => url } as unknown as string, init],
  "a Request": (url, init) => [new Request(url, init)],
  "a Request with an init": (url, init) => [new Request(url, { method: "POST", headers: { "x-gone": "1" } }), init],
};

const BODY: Variants<(body: string | undefined) => unknown> = {
  "a string": (body) => body,
  bytes: (body) => body && new TextEncoder().encode(body),
  "a Blob": (body) => body && new Blob([body]),
  "a stream": (body) => body && new Blob([body]).stream(),
};

export const throughFetch: PropertyClient = {
  name: "fetch",
  variants: {
    of: Object.keys(OF),
    input: Object.keys(INPUT),
    init: Object.keys(OBJECT_SHAPES),
    headers: Object.keys(FETCH_HEADER_SHAPES),
    body: Object.keys(BODY),
  },
  send: async (asked, server, selection, traced) => {
    const send = traced === undefined ? platform : pick(OF, selection, "of")(traced);
    const init = {
      method: asked.method,
      headers: pick(FETCH_HEADER_SHAPES, selection, "headers")(headersWith(asked)),
      body: pick(BODY, selection, "body")(asked.body),
      duplex: "half",
    };
    const response = await send(
      ...pick(INPUT, selection, "input")(server + asked.path, pick(OBJECT_SHAPES, selection, "init")(init)),
    );
    return { status: response.status, body: await response.text() };
  },
};
