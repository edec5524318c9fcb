import { channel } from "node:diagnostics_channel";
import { EventEmitter } from "node:events";
import { OutgoingMessage } from "node:http";
import { PEER, RESPONSE_HEADERS, RESPONSE_STATUS } from "./exchange.ts";
import type { Destination } from "./exchange.ts";

const created = channel("http.client.request.created");
const finished = channel("http.client.response.finish");

/** As in Node 24, where it is an internal property of a request. */
const AUTHORITY: symbol = Symbol("kAuthority");

/** A request of `node:http` without a connection: its headers are those of Node's own class, and it is answered at once. */
export class StubRequest extends OutgoingMessage {
  readonly method = "POST";
  readonly protocol = "http:";
  readonly host: string;
  readonly path: string;
  res: StubResponse | undefined = undefined;

  constructor({ address, port, path }: Destination, headers: Record<string, string>) {
    super();
    this.host = address;
    this.path = path;
    (this as Record<symbol, unknown>)[AUTHORITY] = `${address}:${port}`;
    for (const name in headers) this.setHeader(name, headers[name] as string);
    this.setHeader("Host", `${address}:${port}`);
  }

  /** Publishes the message that Node publishes for a request that was created. */
  publishCreated(): void {
    created.publish({ request: this });
  }

  /** Answers the request, with the events and, if wanted, the message that Node publishes. */
  answer(isPublished: boolean): StubResponse {
    const response = new StubResponse();
    this.res = response;
    if (isPublished) finished.publish({ request: this, response });
    this.emit("response", response);
    response.emit("end");
    response.emit("close");
    this.emit("close");
    return response;
  }
}

export class StubResponse extends EventEmitter {
  readonly statusCode: number = RESPONSE_STATUS;
  readonly headers: Record<string, string> = RESPONSE_HEADERS;
  readonly rawHeaders: readonly string[] = RAW_HEADERS;
  readonly httpVersion = "1.1";
  readonly socket: object = PEER;
  readonly complete = true;
  readonly readableFlowing = true;
}

const RAW_HEADERS = Object.entries(RESPONSE_HEADERS).flat();
