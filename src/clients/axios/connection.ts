import type { ClientCall } from "../../core/calls/client-call.ts";
import { reportFailure } from "../../core/telemetry/diagnostics.ts";

interface Socket {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
}

/** What the http adapter sets as the `request` of its responses and errors: Node's request, or the stream of an HTTP/2 request. */
interface AdapterRequest {
  readonly socket?: Socket | null;
  readonly res?: { readonly httpVersion?: string };
  /** Of an HTTP/2 stream alone. */
  readonly sentHeaders?: object;
  /** axios sets it on an HTTP/2 stream when the headers of the response arrive. */
  readonly statusCode?: number;
  readonly session?: { readonly socket?: Socket };
}

/** Records what a request of the http adapter was sent over, if a response has arrived. */
export function recordConnection(call: ClientCall, request: unknown): void {
  try {
    const { res, sentHeaders, session, socket } = (request ?? {}) as AdapterRequest;
    if (sentHeaders !== undefined) call.connected(session?.socket?.remoteAddress, session?.socket?.remotePort, "2");
    else if (res !== undefined) call.connected(socket?.remoteAddress, socket?.remotePort, res.httpVersion);
  } catch (error) {
    reportFailure("the connection of axios", error);
  }
}

/** The status of the response to a request over HTTP/2: if its body fails, axios rejects without a response. */
export function http2StatusOf(request: unknown): number | undefined {
  return (request as AdapterRequest | null | undefined)?.statusCode;
}
