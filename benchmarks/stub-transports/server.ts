import { EventEmitter } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { PEER, RESPONSE_STATUS } from "./exchange.ts";

/** Passes a request to a listener, and emits the events that `node:http` emits until the request and the response have ended. */
export function receiveRequest(listener: RequestListener, url: string, headers: Record<string, string>): void {
  const request = new StubRequest(url, headers);
  const response = new StubResponse();
  listener(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  request.emit("end");
  response.emit("prefinish");
  response.writableFinished = true;
  response.emit("finish");
  request.emit("close");
  response.emit("close");
}

class StubRequest extends EventEmitter {
  readonly method = "POST";
  readonly httpVersion = "1.1";
  readonly socket = PEER;
  readonly url: string;
  readonly headers: Record<string, string>;

  constructor(url: string, headers: Record<string, string>) {
    super();
    this.url = url;
    this.headers = headers;
  }
}

class StubResponse extends EventEmitter {
  statusCode = RESPONSE_STATUS;
  headersSent = false;
  writableFinished = false;

  end(): void {
    this.headersSent = true;
  }
}
