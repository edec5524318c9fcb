import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { anthropic } from "./anthropic.ts";
import { aws } from "./aws.ts";
import { google } from "./google.ts";
import { openai } from "./openai.ts";

/** A request that a stub has received. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

/** A loopback server in the place of the model APIs. */
export interface ModelStub {
  readonly url: string;
  /** The requests since the last call of `reset()`. */
  readonly requests: readonly ReceivedRequest[];
  /** Forgets the requests. @param limited whether the next request is answered with 429. */
  readonly reset: (limited?: boolean) => void;
  readonly close: () => void;
}

/** What a stub answers: an object as JSON, or the events of a stream. */
export type StubAnswer =
  | { readonly json: unknown }
  | { readonly text: string; readonly type: string }
  | { readonly events: readonly StubEvent[] };

/** An event of a stream. */
export interface StubEvent {
  readonly event?: string;
  readonly data: unknown;
}

/** The stub of one API; undefined for a path of another one. */
export type StubApi = (path: string, body: Record<string, unknown>, request: IncomingMessage) => StubAnswer | undefined;

const APIS: readonly StubApi[] = [openai, anthropic, google, aws];

export async function startModelStub(): Promise<ModelStub> {
  let requests: ReceivedRequest[] = [];
  let isLimited = false;
  const server = createServer((request, response) => void respond(request, response));
  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: path = "", rawHeaders } = request;
    const body = await text(request);
    requests.push({ method, path, rawHeaders, body });
    if (isLimited) {
      isLimited = false;
      const error = { error: { message: "slow down", type: "rate_limit_error", code: 429 } };
      response.writeHead(429, { "content-type": "application/json", "retry-after-ms": "10", "retry-after": "0" });
      response.end(JSON.stringify({ type: "error", ...error }));
      return;
    }
    const parsed = body.startsWith("{") ? (JSON.parse(body) as Record<string, unknown>) : {};
    const answer = APIS.map((api) => api(path, parsed, request)).find((one) => one !== undefined);
    if (answer === undefined)
      response.writeHead(404, { "content-type": "application/json" }).end('{"error":{"message":"no such path"}}');
    else await send(response, answer);
  }
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    get requests() {
      return requests;
    },
    reset: (limited = false) => {
      requests = [];
      isLimited = limited;
    },
    close: () => server.close().closeAllConnections(),
  };
}

async function send(response: ServerResponse, answer: StubAnswer): Promise<void> {
  if ("json" in answer) {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer.json));
    return;
  }
  if ("text" in answer) {
    response.writeHead(200, { "content-type": answer.type }).end(answer.text);
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const { event, data } of answer.events) {
    const lines = event === undefined ? "" : `event: ${event}\n`;
    response.write(`${lines}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`);
    // In chunks of their own, as a model sends them.
    await new Promise((resolve) => setImmediate(resolve)); // oxlint-disable-line no-await-in-loop -- one event after another
  }
  response.end();
}
