import { request as httpRequest } from "node:http";
import { Readable } from "node:stream";
import got from "got";
import type { Got, OptionsInit, Response } from "got";
import { wrapGot } from "../../../src/got.ts";
import type { ClientOptions } from "../../../src/index.ts";
import { bodyOf, headersWith } from "../requests.ts";
import { HEADERS_OF_GOT } from "../shapes.ts";
import { once, taken } from "./sender.ts";
import type { Answer, Sender, Ways } from "./sender.ts";

const plain = got.extend({ throwHttpErrors: false, retry: { limit: 0 }, followRedirect: false });

const OF: Ways<(options: ClientOptions) => Got> = {
  "an instance": once((options) => wrapGot(plain, options)),
  "one that is wrapped twice": once((options) => wrapGot(wrapGot(plain, options).extend({}), options)),
  "one that is extended": once((options) =>
    wrapGot(plain, options).extend({ handlers: [(given, next) => next(given)], hooks: { beforeRequest: [async () => {}] } }),
  ),
};

const CALL: Ways<(client: Got, url: string, options: OptionsInit) => Promise<Answer>> = {
  "a promise": async (client, url, options) => answerOf((await client(url, options)) as Response<string>),
  "with a URL": async (client, url, options) => answerOf((await client(new URL(url), options)) as Response<string>),
  "of frozen options": async (client, url, options) => answerOf((await client(url, Object.freeze(options))) as Response<string>),
  "a stream": async (client, url, options) => {
    const stream = client.stream(url, options);
    if (options.body === undefined && !/^(?:GET|HEAD)$/.test(options.method ?? "")) stream.end();
    const chunks = await stream.toArray();
    return { status: stream.response!.statusCode, body: Buffer.concat(chunks as Buffer[]).toString() };
  },
};

const answerOf = ({ statusCode, body }: Response<string>): Answer => ({ status: statusCode, body });

const TRANSPORT: Ways<OptionsInit> = {
  "got's own": {},
  "of the application": { request: (url, options, callback) => httpRequest(url, options, callback) },
};

const BODY: Ways<(body: string | undefined) => unknown> = {
  "a string": (body) => body,
  "a buffer": (body) => body && Buffer.from(body),
  "a stream": (body) => body && Readable.from([Buffer.from(body)]),
};

export const throughGot: Sender = {
  name: "got",
  ways: {
    of: Object.keys(OF),
    call: Object.keys(CALL),
    transport: Object.keys(TRANSPORT),
    headers: Object.keys(HEADERS_OF_GOT),
    body: Object.keys(BODY),
  },
  send: (asked, server, way, traced) => {
    const options = {
      ...taken(TRANSPORT, way, "transport"),
      method: asked.method,
      headers: taken(HEADERS_OF_GOT, way, "headers")(headersWith(asked)),
      body: bodyOf(asked, taken(BODY, way, "body")),
    } as OptionsInit;
    return taken(CALL, way, "call")(traced === undefined ? plain : taken(OF, way, "of")(traced), server + asked.path, options);
  },
};
