import { EventEmitter } from "node:events";
import type { HandlerFunction, Options } from "got";
import { PEER, RESPONSE_HEADERS, RESPONSE_STATUS } from "./exchange.ts";

/** `http.request`, as got calls it. */
export type GotTransport = (url: URL, request: { method: string; headers: Record<string, string> }) => StubRequest;

export interface GotStub {
  /** What stands in the place of `http.request`. */
  readonly transport: GotTransport;
  readonly sent: () => Record<string, string>;
}

export function gotStub(): GotStub {
  let last: Record<string, string> = {};
  const transport: GotTransport = (_url, request) => {
    last = request.headers;
    return new StubRequest();
  };
  return { transport, sent: () => last };
}

/**
 * What got does of a call that an instrumentation sees, and nothing else of it (its own work takes 60 us and more, between which everything is
 * cold): it hands its options through the handler, runs the hooks, asks the options for the function that sends, and reads the response.
 */
export function gotCore(handler: HandlerFunction | undefined, options: StubOptions): Promise<unknown> {
  return handler === undefined ? sending(options) : sentBy(handler, options);
}

function sentBy(handler: HandlerFunction, options: StubOptions): Promise<unknown> {
  const next = (given: unknown): never => sending(given as StubOptions) as never;
  return Promise.resolve(handler(options as unknown as Options, next));
}

function sending(options: StubOptions): Promise<unknown> {
  let settled: ((response: object) => void) | undefined;
  const { url, method, headers } = options;
  const promise = Promise.resolve().then(async () => {
    for (const hook of options.hooks.beforeRequest) hook(options, { retryCount: 0 });
    const request = options.getRequestFunction()(url, { method, headers });
    const response = await request.answered;
    settled?.({ request: { destroyed: true, options } });
    return response;
  });
  const once = (_event: string, listener: (response: object) => void): void => {
    settled = listener;
  };
  return Object.assign(promise, { once });
}

type Hook = (...args: unknown[]) => void;

/** Got's `Options`, of which there is one for each call. */
export class StubOptions {
  readonly method = "POST";
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly hooks: Record<"beforeRequest" | "beforeRetry" | "beforeError" | "afterResponse", Hook[]> = {
    beforeRequest: [],
    beforeRetry: [],
    beforeError: [],
    afterResponse: [],
  };
  readonly signal = undefined;
  readonly request = undefined;
  readonly isStream = false;
  readonly #transport: GotTransport;

  constructor(transport: GotTransport, url: URL, headers: Record<string, string>, body: string) {
    this.#transport = transport;
    this.url = url;
    this.headers = headers;
    this.body = body;
  }

  getRequestFunction(): GotTransport {
    return this.#transport;
  }
}

/** A request that is answered on the next turn of the queue, with the events of node:http. */
class StubRequest extends EventEmitter {
  readonly answered: Promise<StubResponse>;
  readonly socket: object = SOCKET;
  destroyed = false;
  res: StubResponse | undefined;

  constructor() {
    super();
    this.answered = Promise.resolve().then(() => this.#respond());
  }

  #respond(): StubResponse {
    const response = new StubResponse();
    this.res = response;
    this.emit("response", response);
    response.emit("end");
    response.emit("close");
    this.destroyed = true;
    this.emit("close");
    return response;
  }
}

class StubResponse extends EventEmitter {
  readonly statusCode: number = RESPONSE_STATUS;
  readonly headers: Record<string, string> = RESPONSE_HEADERS;
  readonly httpVersion = "1.1";
  readonly socket: object = SOCKET;
  readonly complete = true;
}

const SOCKET = { ...PEER, readableEnded: false };
