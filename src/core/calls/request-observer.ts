/** A request in the messages of diagnostics channels, in the form of undici's. Its headers are a flat array, which may be changed while it is being created. */
export interface ChannelRequest {
  readonly origin: string | URL | undefined;
  readonly path: string;
  readonly method: string;
  readonly headers: unknown;
  /** The value of the `Host` header, which undici keeps apart from the others; null if the request sets none. */
  readonly host?: string | null;
  /** Sets and removes headers, where the array of headers is only a copy. */
  setHeaders?(added: Record<string, string>, removed: readonly string[]): void;
}

/** Follows the requests of one call on the wire. */
export interface RequestObserver {
  /** A request of the call was created: the first one, the next hop of a redirect, or a retry. */
  onRequestCreated(request: ChannelRequest): void;
  /** The request is about to be sent on a connection. */
  onConnected(address: string | undefined, port: number | undefined, protocolVersion: string | undefined): void;
  /** The socket of the connection, after `onConnected`. Only undici's channels report it. */
  onSocket?(socket: object): void;
  /** Response headers arrived, informational ones included. Called only after `followResponses()`. */
  onResponseHeaders?(status: number, rawHeaders: unknown): void;
  /** The whole response body arrived. Called only after `followResponses()`. */
  onResponseEnd?(): void;
  /** The request was sent to its last byte. Called only while node-wide instrumentation is active. */
  onRequestSent?(): void;
  /** The request failed or was aborted. Called only after `followResponses()`. */
  onRequestError?(error: unknown): void;
}
