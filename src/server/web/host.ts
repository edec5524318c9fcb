import { protocolVersion } from "../../core/http/attributes.ts";
import type { NodeRequest, NodeResponse } from "../node/received-request.ts";

/** What the server that calls a handler knows of a request in addition to the `Request` itself. */
export interface Host {
  readonly peerAddress?: string | undefined;
  readonly peerPort?: number | undefined;
  readonly protocolVersion?: string | undefined;
  /** The request and the response of node:http or node:http2 below the `Request`. */
  readonly node?: { readonly incoming: NodeRequest; readonly outgoing: NodeResponse };
  /** Settles when the response has been sent, or the client has gone. */
  readonly completed?: PromiseLike<unknown>;
  /** Whether this is Deno's server, which may have a SERVER span of its own (`OTEL_DENO`). */
  readonly isDeno?: boolean;
}

/** The second argument of a handler: the bindings of `@hono/node-server`, Bun's server, or Deno's `ServeHandlerInfo`. */
interface HostArgument {
  readonly incoming?: NodeRequest;
  /** Undefined when a connection is upgraded to a WebSocket. */
  readonly outgoing?: NodeResponse;
  /** Bun's server or Hono's bindings, if the application passes them inside an object. */
  readonly server?: HostArgument;
  readonly requestIP?: (request: Request) => { readonly address: string; readonly port: number } | null;
  readonly remoteAddr?: { readonly hostname?: unknown; readonly port?: unknown };
  readonly completed?: PromiseLike<unknown>;
}

/**
 * Reads the second argument of a handler. No function of an unknown object is called: in a Worker the argument is `env`, whose methods may
 * call other services.
 */
export function readHost(request: Request, argument: unknown): Host {
  const { Bun, Deno } = globalThis as { Bun?: unknown; Deno?: unknown };
  const own = isObject(argument) ? (argument as HostArgument) : {};
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

/** Whether a response will still emit its end; not if the client has closed the connection. */
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

function denoHost({ completed }: HostArgument, { hostname, port }: NonNullable<HostArgument["remoteAddr"]>): Host {
  return {
    peerAddress: typeof hostname === "string" ? hostname : undefined, // undefined for a Unix socket
    peerPort: typeof port === "number" ? port : undefined,
    isDeno: true,
    ...(typeof completed?.then === "function" && { completed }),
  };
}

/** The HTTP version between the client and Cloudflare. */
function cloudflareVersion(request: Request): string | undefined {
  const { cf } = request as { cf?: { httpProtocol?: unknown } };
  return typeof cf?.httpProtocol === "string" ? /^HTTP\/([\d.]+)$/.exec(cf.httpProtocol)?.[1] : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
