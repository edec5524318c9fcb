import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { protocolVersion } from "../../core/http/attributes.ts";
import type { ReceivedRequest } from "../../core/http/server-attributes.ts";

/** A request of node:http, or of the compatibility API of node:http2. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
/** A response of node:http, or of the compatibility API of node:http2. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Reads a request of Node.js lazily: most attributes are only needed if the span is recorded. */
export class NodeReceivedRequest implements ReceivedRequest {
  readonly #request: NodeRequest;

  readonly #target: string | undefined;

  /** @param target the request target, if the framework keeps it elsewhere than in the request. */
  constructor(request: NodeRequest, target?: string) {
    this.#request = request;
    this.#target = target;
  }

  get method(): string {
    return this.#request.method ?? "";
  }

  get target(): string {
    // Express rewrites `url` below a mount path and keeps the received one in `originalUrl`.
    return this.#target ?? (this.#request as { originalUrl?: string }).originalUrl ?? this.#request.url ?? "";
  }

  get scheme(): string {
    return (this.#request.socket as { encrypted?: boolean } | undefined)?.encrypted === true ? "https" : "http";
  }

  get host(): string | undefined {
    const { headers } = this.#request;
    const authority = headers[":authority"];
    return typeof authority === "string" ? authority : headers.host;
  }

  get headers(): NodeRequest["headers"] {
    return this.#request.headers;
  }

  get userAgent(): string | undefined {
    return this.#request.headers["user-agent"];
  }

  get peerAddress(): string | undefined {
    return this.#request.socket?.remoteAddress;
  }

  get peerPort(): number | undefined {
    return this.#request.socket?.remotePort;
  }

  get protocolVersion(): string {
    return protocolVersion(this.#request.httpVersion);
  }

  readHeaders(names: readonly string[]): Record<string, string> | undefined {
    const { headers } = this.#request;
    let found: Record<string, string> | undefined;
    // Node.js keys headers in lower case and joins repeated ones, so that they need not be searched for.
    for (const name of names) {
      const value = headers[name] ?? headers[name.toLowerCase()];
      if (value === undefined) continue;
      found ??= {};
      found[name.toLowerCase()] = typeof value === "string" ? value : value.join(",");
    }
    return found;
  }
}
