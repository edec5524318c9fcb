import type { Attributes } from "@opentelemetry/api";
import { NETWORK_PROTOCOL_NAME, NETWORK_TRANSPORT, SERVER_ADDRESS, SERVER_PORT } from "../core/http/attributes.ts";
import { originOf } from "../core/http/urls.ts";
import type { Policy } from "../core/propagation/policy.ts";
import type { McpConfig } from "./config.ts";
import type { Transport } from "./transport.ts";

/** What is known of the other end of a connection, from the transport. */
export interface Peer {
  /** The URL of a server over HTTP or WebSocket; empty if it is not known. */
  readonly url: string;
  readonly attributes: Attributes;
  /** Which propagation fields the peer receives. */
  readonly policy: Policy;
  /** Whether it is a server whose HTTP responses are streams: they deliver messages in the context of the request that has opened them. */
  readonly streams: boolean;
  /** Whether the connection is that of a single HTTP request (v2, MCP 2026-07-28). */
  readonly isPerRequest: boolean;
}

/** Properties of the SDKs' transports. None of them has a public one that tells the kind of the transport. */
interface TransportInternals extends Transport {
  readonly _url?: unknown;
  readonly url?: unknown;
  readonly handleRequest?: unknown;
  readonly handlePostMessage?: unknown;
  readonly handleMessage?: unknown;
}

export function describePeer({ policy, side }: McpConfig, transport: TransportInternals): Peer {
  if (isInMemory(transport)) return localPeer(policy, {});
  if (isStdio(transport)) return localPeer(policy, { [NETWORK_TRANSPORT]: "pipe" });
  const url = side === "client" ? urlOf(transport) : "";
  return {
    url,
    attributes: networkAttributes(url, isHttpServer(transport)),
    policy,
    streams: url.startsWith("http"),
    isPerRequest: typeof transport.handleMessage === "function",
  };
}

function networkAttributes(url: string, isHttp: boolean): Attributes {
  const { scheme, address, port } = originOf(url);
  const attributes: Attributes = {};
  if (isHttp || scheme.startsWith("http")) attributes[NETWORK_PROTOCOL_NAME] = "http";
  else if (scheme.startsWith("ws")) attributes[NETWORK_PROTOCOL_NAME] = "websocket";
  if (attributes[NETWORK_PROTOCOL_NAME] !== undefined) attributes[NETWORK_TRANSPORT] = "tcp";
  if (address !== "") attributes[SERVER_ADDRESS] = address;
  if (address !== "" && port !== undefined) attributes[SERVER_PORT] = port;
  return attributes;
}

function localPeer({ keys }: Policy, attributes: Attributes): Peer {
  return { url: "", attributes, policy: { ...UNRESTRICTED, keys }, streams: false, isPerRequest: false };
}

/** A peer in the same process, or in a child process, receives everything but the baggage members that are not named. */
const UNRESTRICTED: Omit<Policy, "keys"> = { trace: [], baggage: [], defaultTrace: undefined };

function urlOf(transport: TransportInternals): string {
  const url = transport._url ?? transport.url;
  return url instanceof URL || typeof url === "string" ? String(url) : "";
}

function isHttpServer({ handleRequest, handlePostMessage, handleMessage }: TransportInternals): boolean {
  return [handleRequest, handlePostMessage, handleMessage].some((method) => typeof method === "function");
}

function isInMemory(transport: object): boolean {
  return "_otherTransport" in transport || nameOf(transport).includes("InMemory");
}

function isStdio(transport: object): boolean {
  return ("stderr" in transport && "pid" in transport) || "_stdin" in transport || nameOf(transport).includes("Stdio");
}

function nameOf(transport: object): string {
  return ((transport.constructor as { name?: unknown } | undefined)?.name as string) ?? "";
}
