import { UNCONSUMED_BODY_TIMEOUT_MS } from "../../core/streams/unconsumed-body.ts";
import { now } from "../../core/telemetry/meter.ts";

// What is known of a response's body, in the form that `watchUnconsumedStream()` reads: as with a stream of Node's, `readableFlowing` is null until the body is
// read. Whoever watches one of these must refer to it, because the watch does not.

interface NodeReadable {
  readonly readableFlowing?: boolean | null;
  /** An internal of Node's: where the stream is piped to. */
  readonly _readableState?: { readonly pipes?: unknown };
}

const MAX_PIPES = 8;

/** A stream that a client may pipe into streams of its own before the application reads it (node-fetch; fetch, for a compressed body). */
export class PipedBody {
  readonly #stream: NodeReadable;

  constructor(stream: object) {
    this.#stream = stream;
  }

  get readableFlowing(): boolean | null | undefined {
    let last = this.#stream;
    for (let i = 0; i < MAX_PIPES; i++) {
      const { pipes } = last._readableState ?? {};
      if (!Array.isArray(pipes) || pipes.length === 0) break;
      last = pipes[0] as NodeReadable;
    }
    // A destination that cannot be read takes the data itself.
    return "readableFlowing" in last ? last.readableFlowing : true;
  }
}

/** What is used of a socket. */
export interface BodySocket {
  readonly bytesRead?: number;
  readonly readableLength?: number;
}

/** More than undici and Node buffer of a body that is not read, in bytes. */
const MAX_BUFFERED = 1_048_576;

/** The socket of a response whose stream is not accessible: a large body that is not read leaves data in it. */
export class SocketBody {
  readonly #socket: BodySocket;
  readonly #start = now();
  readonly #bytesBefore: number;

  constructor(socket: BodySocket) {
    this.#socket = socket;
    this.#bytesBefore = socket.bytesRead ?? 0;
  }

  get readableFlowing(): boolean | null {
    const { bytesRead = 0, readableLength = 0 } = this.#socket;
    if (bytesRead - this.#bytesBefore > MAX_BUFFERED) return true;
    return now() - this.#start >= UNCONSUMED_BODY_TIMEOUT_MS && readableLength === 0 ? true : null;
  }
}
