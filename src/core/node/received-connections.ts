import { safeCall } from "../telemetry/diagnostics.ts";
import { isNode } from "../telemetry/environment.ts";

/** The other end of the connection of a received request. */
export interface PeerConnection {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

interface ReceivedMessage {
  readonly request: { readonly headers: object; readonly socket: PeerConnection };
}

const connections = new WeakMap<object, PeerConnection>();
let isSubscribed = false;

/**
 * Remembers the connections of the requests that `node:http` receives, for handlers of protocols that receive nothing of a request but its headers. Does
 * nothing on other platforms.
 */
export function rememberConnections(): void {
  if (isSubscribed || !isNode()) return;
  isSubscribed = true;
  process.getBuiltinModule("node:diagnostics_channel").subscribe("http.server.request.start", (message) => {
    safeCall("remembering a connection", remember, message as ReceivedMessage);
  });
}

function remember({ request }: ReceivedMessage): void {
  connections.set(request.headers, request.socket);
}

/** The connection of a request, by the very object that `node:http` keeps its headers in. */
export function connectionOf(headers: unknown): PeerConnection | undefined {
  return typeof headers === "object" && headers !== null ? connections.get(headers) : undefined;
}
