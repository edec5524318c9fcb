import { Agent } from "node:http";
import { Duplex } from "node:stream";
import { RESPONSE_BODY } from "../stub-transports/exchange.ts";

const RESPONSE = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${RESPONSE_BODY.length}\r\nconnection: keep-alive\r\n\r\n${RESPONSE_BODY.toString()}`,
);

let lastHead = "";

/** Whether the last request over any of the sockets had a `traceparent` header. */
export function lastRequestIsTraced(): boolean {
  return /\r\ntraceparent: */i.test(lastHead);
}

/** A socket without a network: it answers each request once the request was written completely. */
class MemorySocket extends Duplex {
  readonly remoteAddress = "10.0.0.7";
  readonly remotePort = 8080;
  readonly connecting = false;
  #head = "";
  #missingBodyBytes = 0;

  override _read(): void {}

  override _write(chunk: Buffer | string, _encoding: unknown, done: () => void): void {
    this.#receive(chunk.toString("latin1"));
    done();
  }

  #receive(text: string): void {
    if (this.#missingBodyBytes > 0) this.#missingBodyBytes -= text.length;
    else {
      this.#head += text;
      const end = this.#head.indexOf("\r\n\r\n");
      if (end === -1) return;
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#head)?.[1] ?? 0);
      this.#missingBodyBytes = length - (this.#head.length - end - 4);
    }
    if (this.#missingBodyBytes > 0) return;
    lastHead = this.#head;
    this.#head = "";
    // Clients close a connection that is answered while they are still writing.
    setImmediate(() => this.push(RESPONSE));
  }

  // The methods of a network socket that the clients call.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  address(): object {
    return { address: "10.0.0.2" };
  }
}

/** A `node:http` agent with in-memory sockets. */
export class MemoryAgent extends Agent {
  constructor() {
    super({ keepAlive: true });
  }

  override createConnection(): Duplex {
    return new MemorySocket();
  }
}

/** undici's `connect` option, for in-memory sockets. */
export function connectInMemory(_options: unknown, done: (error: null, socket: never) => void): void {
  process.nextTick(done, null, new MemorySocket());
}
