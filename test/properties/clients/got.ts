import { request as httpRequest } from "node:http";
import { Readable } from "node:stream";
import got from "got";
import type { Got, OptionsInit, Response } from "got";
import { wrapGot } from "../../../src/got.ts";
import type { ClientOptions } from "../../../src/index.ts";
import { bodyOf, headersWith } from "../requests.ts";
import { GOT_HEADER_SHAPES } from "../argument-shapes.ts";
import { memoize, pick } from "./client.ts";
import type { Answer, PropertyClient, Variants } from "./client.ts";

const plain = got.extend({ throwHttpErrors: false, retry: { limit: 0 }, followRedirect: false });

const OF: Variants<(options: ClientOptions) => Got> = {
  "an instance": memoize((options) => wrapGot(plain, options)),
  "wrapped twice": memoize((options) => wrapGot(wrapGot(plain, options).extend({}), options)),
  "extended after wrapping": memoize((options) =>
    wrapGot(plain, options).extend({ handlers: [(given, next) => next(given)], hooks: { beforeRequest: [async () => {}] } }),
  ),
};

const CALL: Variants<(client: Got, url: string, options: OptionsInit) => Promise<Answer>> = {
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

const TRANSPORT: Variants<OptionsInit> = {
  "the default transport": {},
  "a request function of the application": { request: (url, options, callback) => httpRequest(url, options, callback) },
};

const BODY: Variants<(body: string | undefined) => unknown> = {
  "a string": (body) => body,
  "a buffer": (body) => body && Buffer.from(body),
  "a stream": (body) => body && Readable.from([Buffer.from(body)]),
};

export const throughGot: PropertyClient = {
  name: "got",
  variants: {
    of: Object.keys(OF),
    call: Object.keys(CALL),
    transport: Object.keys(TRANSPORT),
    headers: Object.keys(GOT_HEADER_SHAPES),
    body: Object.keys(BODY),
  },
  send: (asked, server, selection, traced) => {
    const options = {
      ...pick(TRANSPORT, selection, "transport"),
      method: asked.method,
      headers: pick(GOT_HEADER_SHAPES, selection, "headers")(headersWith(asked)),
      body: bodyOf(asked, pick(BODY, selection, "body")),
    } as OptionsInit;
    return pick(CALL, selection, "call")(
      traced === undefined ? plain : pick(OF, selection, "of")(traced),
      server + asked.path,
      options,
    );
  },
};
