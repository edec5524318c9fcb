import { createHash } from "node:crypto";
import type { Socket } from "node:net";

/** A received request. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The digest of the body, after all of it was received. */
  digest: string | undefined;
}

interface Reader {
  /** The head of a request was received. */
  head(request: WireRequest): void;
  /** The whole request was received. */
  complete(request: WireRequest): void;
}

/** The outstanding part of a body. */
interface Body {
  readonly request: WireRequest;
  readonly hash: ReturnType<typeof createHash>;
  readonly isChunked: boolean;
  /** In bytes; of the current chunk if the body is chunked. */
  left: number;
}

/**
 * Reads requests from a socket, one after the other. It is not a general parser: the clients under test write valid
 * requests or stop in the middle of one.
 */
export function readRequests(socket: Socket, reader: Reader): void {
  let buffer: Buffer = Buffer.alloc(0);
  let body: Body | undefined;

  const readHead = (): boolean => {
    const end = buffer.indexOf("\r\n\r\n");
    if (end === -1) return false;
    const [line = "", ...lines] = buffer.subarray(0, end).toString("latin1").split("\r\n");
    buffer = buffer.subarray(end + 4);
    const [method = "", path = ""] = line.split(" ");
    const headers = lines.map((text) => [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1).trim()] as const);
    const valueOf = (wanted: string): string => headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? "";
    const request: WireRequest = { method, path, headers, digest: undefined };
    const isChunked = /chunked/i.test(valueOf("transfer-encoding"));
    body = { request, hash: createHash("sha1"), isChunked, left: isChunked ? -1 : Number(valueOf("content-length")) };
    reader.head(request);
    return true;
  };

  const finish = ({ request, hash }: Body): boolean => {
    body = undefined;
    request.digest = hash.digest("base64").slice(0, 8);
    reader.complete(request);
    return true;
  };

  const takeBytes = (current: Body): void => {
    const taken = buffer.subarray(0, current.left);
    current.hash.update(taken);
    current.left -= taken.length;
    buffer = buffer.subarray(taken.length);
  };

  const readBody = (current: Body): boolean => {
    if (!current.isChunked) {
      takeBytes(current);
      return current.left === 0 && finish(current);
    }
    if (current.left > 0) {
      takeBytes(current);
      if (current.left > 0) return false;
    }
    // A chunk is followed by an empty line; before the first there is none.
    const at = current.left === 0 ? 2 : 0;
    const end = buffer.indexOf("\r\n", at);
    if (end === -1) return false;
    const size = Number.parseInt(buffer.subarray(at, end).toString("latin1"), 16);
    if (size === 0) {
      if (buffer.length < end + 4) return false;
      buffer = buffer.subarray(end + 4);
      return finish(current);
    }
    buffer = buffer.subarray(end + 2);
    current.left = size;
    return true;
  };

  socket.on("data", (data: Buffer) => {
    buffer = buffer.length === 0 ? data : Buffer.concat([buffer, data]);
    while (body === undefined ? readHead() : readBody(body));
  });
}
