import { Readable, Writable } from "node:stream";
import { Agent } from "undici";
import type { Dispatcher } from "undici";
import type { ClientOptions } from "../../../src/index.ts";
import { traceInterceptor } from "../../../src/undici.ts";
import { headersWith } from "../requests.ts";
import { BAGS, HEADERS_OF_UNDICI } from "../shapes.ts";
import { once, taken } from "./sender.ts";
import type { Answer, Sender, Ways } from "./sender.ts";

const agent = new Agent();

const OF: Ways<(options: ClientOptions) => Dispatcher> = {
  "an agent": once((options) => agent.compose(traceInterceptor(options))),
  "one that is traced twice": once((options) => agent.compose(traceInterceptor(options)).compose(traceInterceptor(options))),
};

const originAgain = new URL("http://localhost/");

const ORIGIN: Ways<(origin: string) => unknown> = {
  "a string": (origin) => origin,
  "a URL": (origin) => new URL(origin),
  "the last URL, changed": (origin) => Object.assign(originAgain, { href: origin }),
};

const BODY: Ways<(body: string | undefined) => unknown> = {
  "a string": (body) => body,
  "a buffer": (body) => body && Buffer.from(body),
  "a stream": (body) => body && Readable.from([Buffer.from(body)]),
};

const CALL: Ways<(dispatcher: Dispatcher, options: Dispatcher.RequestOptions) => Promise<Answer>> = {
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

export const throughUndici: Sender = {
  name: "undici",
  ways: {
    of: Object.keys(OF),
    call: Object.keys(CALL),
    origin: Object.keys(ORIGIN),
    options: Object.keys(BAGS),
    headers: Object.keys(HEADERS_OF_UNDICI),
    body: Object.keys(BODY),
  },
  send: (asked, server, way, traced) => {
    const options = {
      origin: taken(ORIGIN, way, "origin")(server),
      path: asked.path,
      method: asked.method,
      headers: taken(HEADERS_OF_UNDICI, way, "headers")(headersWith(asked)),
      body: taken(BODY, way, "body")(asked.body),
    };
    const dispatcher = traced === undefined ? agent : taken(OF, way, "of")(traced);
    return taken(CALL, way, "call")(dispatcher, taken(BAGS, way, "options")(options) as Dispatcher.RequestOptions);
  },
};
