import { Agent } from "node:http";
import { Duplex } from "node:stream";
import { RESPONSE_BODY } from "../transports/exchange.ts";

const RESPONSE = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${RESPONSE_BODY.length}\r\nconnection: keep-alive\r\n\r\n${RESPONSE_BODY.toString()}`,
);

let lastHead = "";

/** Whether the last request that came over any of the connections carries a trace. */
export function lastIsTraced(): boolean {
  return /\r\ntraceparent: */i.test(lastHead);
}

/** A connection without a network: it answers each whole request that is written to it. */
class MemorySocket extends Duplex {
  readonly remoteAddress = "10.0.0.7";
  readonly remotePort = 8080;
  readonly connecting = false;
  #head = "";
  #bodyLeft = 0;

  override _read(): void {}

  override _write(chunk: Buffer | string, _encoding: unknown, done: () => void): void {
    this.#received(chunk.toString("latin1"));
    done();
  }

  #received(text: string): void {
    if (this.#bodyLeft > 0) this.#bodyLeft -= text.length;
    else {
      this.#head += text;
      const end = this.#head.indexOf("\r\n\r\n");
      if (end === -1) return;
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#head)?.[1] ?? 0);
      this.#bodyLeft = length - (this.#head.length - end - 4);
    }
    if (this.#bodyLeft > 0) return;
    lastHead = this.#head;
    this.#head = "";
    // A client that is answered before it has finished writing gives the connection up.
    setImmediate(() => this.push(RESPONSE));
  }

  // What the clients ask of a socket.
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

/** An agent of node:http whose connections are in memory. */
export class MemoryAgent extends Agent {
  constructor() {
    super({ keepAlive: true });
  }

  override createConnection(): Duplex {
    return new MemorySocket();
  }
}

/** How undici is told to connect. */
export function memoryConnector(_options: unknown, done: (error: null, socket: never) => void): void {
  process.nextTick(done, null, new MemorySocket());
}
