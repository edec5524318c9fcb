import { Readable, Writable } from "node:stream";
import { Agent } from "undici";
import type { Dispatcher } from "undici";
import type { ClientOptions } from "../../../src/index.ts";
import { traceInterceptor } from "../../../src/undici.ts";
import { headersWith } from "../requests.ts";
import { OBJECT_SHAPES, UNDICI_HEADER_SHAPES } from "../argument-shapes.ts";
import { memoize, pick } from "./client.ts";
import type { Answer, PropertyClient, Variants } from "./client.ts";

const agent = new Agent();

const OF: Variants<(options: ClientOptions) => Dispatcher> = {
  "an agent": memoize((options) => agent.compose(traceInterceptor(options))),
  "traced twice": memoize((options) => agent.compose(traceInterceptor(options)).compose(traceInterceptor(options))),
};

const reusedOrigin = new URL("http://localhost/");

const ORIGIN: Variants<(origin: string) => unknown> = {
  "a string": (origin) => origin,
  "a URL": (origin) => new URL(origin),
  "the last URL, changed": (origin) => Object.assign(reusedOrigin, { href: origin }),
};

const BODY: Variants<(body: string | undefined) => unknown> = {
  "a string": (body) => body,
  "a buffer": (body) => body && Buffer.from(body),
  "a stream": (body) => body && Readable.from([Buffer.from(body)]),
};

const CALL: Variants<(dispatcher: Dispatcher, options: Dispatcher.RequestOptions) => Promise<Answer>> = {
  request: async (dispatcher, options) => {
    const { statusCode, body } = await dispatcher.request(options);
    return { status: statusCode, body: await body.text() };
  },
  stream: async (dispatcher, options) => {
    const answer = { status: 0, body: "" };
    await dispatcher.stream(options, ({ statusCode }) => {
      answer.status = statusCode;
      return new Writable({
        write(chunk: Buffer, _, done) {
          answer.body += chunk.toString();
          done();
        },
      });
    });
    return answer;
  },
};

export const throughUndici: PropertyClient = {
  name: "undici",
  variants: {
    of: Object.keys(OF),
    call: Object.keys(CALL),
    origin: Object.keys(ORIGIN),
    options: Object.keys(OBJECT_SHAPES),
    headers: Object.keys(UNDICI_HEADER_SHAPES),
    body: Object.keys(BODY),
  },
  send: (asked, server, selection, traced) => {
    const options = {
      origin: pick(ORIGIN, selection, "origin")(server),
      path: asked.path,
      method: asked.method,
      headers: pick(UNDICI_HEADER_SHAPES, selection, "headers")(headersWith(asked)),
      body: pick(BODY, selection, "body")(asked.body),
    };
    const dispatcher = traced === undefined ? agent : pick(OF, selection, "of")(traced);
    return pick(
      CALL,
      selection,
      "call",
    )(dispatcher, pick(OBJECT_SHAPES, selection, "options")(options) as Dispatcher.RequestOptions);
  },
};
