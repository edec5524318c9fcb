import { protocolVersion } from "../../core/http/attributes.ts";
import type { NodeRequest, NodeResponse } from "../exchange.ts";

/** What the server that calls a handler tells of a request, beside the request itself. */
export interface Host {
  readonly peerAddress?: string | undefined;
  readonly peerPort?: number | undefined;
  readonly protocolVersion?: string | undefined;
  /** The request and the response of node:http or node:http2 beneath. */
  readonly node?: { readonly incoming: NodeRequest; readonly outgoing: NodeResponse };
  /** Settles when the response has been sent, or the client has gone. */
  readonly completed?: PromiseLike<unknown>;
  /** Whether this is Deno's server, which may have a SERVER span of its own (`OTEL_DENO`). */
  readonly isDeno?: boolean;
}

/** What a handler may be called with after the request: the bindings of `@hono/node-server`, Bun's server, Deno's `ServeHandlerInfo`. */
interface Given {
  readonly incoming?: NodeRequest;
  /** None for a WebSocket's upgrade. */
  readonly outgoing?: NodeResponse;
  /** Bun's server or Hono's bindings, where the application has laid them into an object. */
  readonly server?: Given;
  readonly requestIP?: (request: Request) => { readonly address: string; readonly port: number } | null;
  readonly remoteAddr?: { readonly hostname?: unknown; readonly port?: unknown };
  readonly completed?: PromiseLike<unknown>;
}

/**
 * Reads what a known server hands over with a request. Of an object that is somebody else's (a Worker's `env`) nothing is called: its
 * properties may be calls to another service.
 */
export function hostOf(request: Request, given: unknown): Host {
  const { Bun, Deno } = globalThis as { Bun?: unknown; Deno?: unknown };
  const own = isObject(given) ? (given as Given) : {};
  const { incoming, outgoing, requestIP } = isObject(own.server) ? own.server : own;
  if (typeof incoming?.httpVersion === "string") return nodeHost(incoming, outgoing);
  if (Bun !== undefined && typeof requestIP === "function") {
    const peer = Reflect.apply(requestIP, own.server ?? own, [request]);
    return { peerAddress: peer?.address, peerPort: peer?.port };
  }
  if (Deno !== undefined && isObject(own.remoteAddr)) return denoHost(own, own.remoteAddr);
  return { protocolVersion: cloudflareVersion(request) };
}

function nodeHost(incoming: NodeRequest, outgoing: NodeResponse | undefined): Host {
  const { socket, httpVersion } = incoming;
  return {
    peerAddress: socket?.remoteAddress,
    peerPort: socket?.remotePort,
    protocolVersion: protocolVersion(httpVersion),
    ...(outgoing !== undefined && isOpen(outgoing) && { node: { incoming, outgoing } }),
  };
}

/** A response that is over already, for its client has gone, tells of nothing more. */
function isOpen(outgoing: NodeResponse): boolean {
  const { writableFinished, destroyed, stream } = outgoing as {
    writableFinished: unknown;
    destroyed?: unknown;
    stream?: Destroyable;
  };
  return writableFinished === false && destroyed !== true && stream?.destroyed !== true;
}

interface Destroyable {
  readonly destroyed: boolean;
}

function denoHost({ completed }: Given, { hostname, port }: NonNullable<Given["remoteAddr"]>): Host {
  return {
    peerAddress: typeof hostname === "string" ? hostname : undefined, // a Unix socket has none
    peerPort: typeof port === "number" ? port : undefined,
    isDeno: true,
    ...(typeof completed?.then === "function" && { completed }),
  };
}

/** Of what the client spoke with Cloudflare. */
function cloudflareVersion(request: Request): string | undefined {
  const { cf } = request as { cf?: { httpProtocol?: unknown } };
  return typeof cf?.httpProtocol === "string" ? /^HTTP\/([\d.]+)$/.exec(cf.httpProtocol)?.[1] : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
