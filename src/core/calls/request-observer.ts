/** A request in the messages of undici's diagnostics channels. Its headers are a flat array that may be changed while it is being created. */
export interface ChannelRequest {
  readonly origin: string | URL | undefined;
  readonly path: string;
  readonly method: string;
  readonly headers: unknown;
  /** The value of the `Host` header, which undici keeps apart from the others; null if the request sets none. */
  readonly host?: string | null;
}

/** Follows the requests of one call on the wire. */
export interface RequestObserver {
  /** A request of the call was created: the first one, the next hop of a redirect, or a retry. */
  onRequestCreated(request: ChannelRequest): void;
  /** The request is about to be sent on a connection. */
  onConnected(address: string | undefined, port: number | undefined, protocolVersion: string | undefined): void;
  /** Response headers arrived, informational ones included. Called only after `followResponses()`. */
  onResponseHeaders?(status: number, rawHeaders: unknown): void;
  /** The whole response body arrived. Called only after `followResponses()`. */
  onResponseEnd?(): void;
  /** The request failed or was aborted. Called only after `followResponses()`. */
  onRequestError?(error: unknown): void;
}
