import type { Attributes } from "@opentelemetry/api";
import {
  CLIENT_ADDRESS,
  ERROR_TYPE,
  HTTP_REQUEST_METHOD,
  HTTP_REQUEST_METHOD_ORIGINAL,
  HTTP_RESPONSE_STATUS_CODE,
  HTTP_ROUTE,
  NETWORK_PEER_ADDRESS,
  NETWORK_PEER_PORT,
  NETWORK_PROTOCOL_VERSION,
  OTHER_METHOD,
  SERVER_ADDRESS,
  SERVER_PORT,
  URL_PATH,
  URL_QUERY,
  URL_SCHEME,
  USER_AGENT_ORIGINAL,
} from "./attributes.ts";
import { headerAttributes } from "./recorded-headers.ts";
import { redactQuery } from "./redaction.ts";
import { originOf } from "./urls.ts";
import { A2A_METHOD_NAME, recogniseA2A } from "./a2a-recognition.ts";
import { readHeader } from "../propagation/carrier.ts";
import type { ServerConfig } from "../calls/server-config.ts";

/** A received request as an adapter reads it. */
export interface ReceivedRequest {
  readonly method: string;
  /** The request target: a path with its query, `*`, or an absolute URL (RFC 9112 section 3.2). */
  readonly target: string;
  readonly scheme: string;
  /** The value of `Host` or `:authority`. */
  readonly host: string | undefined;
  /** The headers, in any shape that `readHeader` reads. */
  readonly headers: unknown;
  readonly userAgent: string | undefined;
  readonly peerAddress?: string | undefined;
  readonly peerPort?: number | undefined;
  readonly protocolVersion?: string | undefined;
  /** Returns the headers that are present among `names`, keyed in lower case; undefined if none is. */
  readHeaders(names: readonly string[]): Record<string, string> | undefined;
}

/** `http.request.method` of a method: the method itself if it is known. */
export function semanticMethod(config: ServerConfig, method: string): string {
  return config.knownMethods.has(method) ? method : OTHER_METHOD;
}

/** The attributes that a SERVER span starts with. */
export function serverStartAttributes(config: ServerConfig, received: ReceivedRequest): Attributes {
  const { method, peerAddress, peerPort, protocolVersion, userAgent } = received;
  const trustProxy = config.options.trustProxy === true;
  const { scheme, host } = trustProxy ? forwardedOrigin(received) : received;
  const { path, query } = splitTarget(received.target);
  const semantic = semanticMethod(config, method);
  const attributes: Attributes = { [HTTP_REQUEST_METHOD]: semantic, [URL_PATH]: path, [URL_SCHEME]: scheme };
  if (semantic !== method) attributes[HTTP_REQUEST_METHOD_ORIGINAL] = method;
  if (query !== "") attributes[URL_QUERY] = redactQuery(query, config.sensitive);
  if (host !== undefined) {
    const { address, port } = originOf(`${scheme}://${host}`);
    if (address !== "") attributes[SERVER_ADDRESS] = address;
    if (port !== undefined) attributes[SERVER_PORT] = port;
  }
  const client = trustProxy ? (clientAddress(received.headers) ?? peerAddress) : peerAddress;
  if (client !== undefined) attributes[CLIENT_ADDRESS] = client;
  if (peerAddress !== undefined) attributes[NETWORK_PEER_ADDRESS] = peerAddress;
  if (peerPort !== undefined) attributes[NETWORK_PEER_PORT] = peerPort;
  if (protocolVersion !== undefined) attributes[NETWORK_PROTOCOL_VERSION] = protocolVersion;
  if (userAgent !== undefined) attributes[USER_AGENT_ORIGINAL] = userAgent;
  const a2aMethod = recogniseA2AMethod(config, received);
  if (a2aMethod !== undefined) attributes[A2A_METHOD_NAME] = a2aMethod;
  return config.requestHeaders.length === 0 ? attributes : Object.assign(attributes, requestHeaderAttributes(config, received));
}

/** The A2A method of a request of the REST binding, as the option `a2a` allows. */
export function recogniseA2AMethod({ options }: ServerConfig, { method, target, headers }: ReceivedRequest): string | undefined {
  return options.a2a === false ? undefined : recogniseA2A("headers", method, target, headers)?.method;
}

// The scheme and the authority of a request target in absolute form.
const ABSOLUTE_FORM = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;

/** Splits a request target in origin form, in absolute form, or `*` (RFC 9112 section 3.2) into path and query, byte for byte. */
export function splitTarget(target: string): { path: string; query: string } {
  const rest = target.startsWith("/") ? target : target.replace(ABSOLUTE_FORM, "");
  const start = rest.indexOf("?");
  const path = start === -1 ? rest : rest.slice(0, start);
  return { path: path === "" ? "/" : path, query: start === -1 ? "" : rest.slice(start + 1) };
}

/**
 * The client's address as reported by proxies: the first `for` of `Forwarded` (RFC 7239), else the first entry of `X-Forwarded-For`. Any
 * client can send these headers, so a server may trust them only behind a proxy that replaces them.
 */
export function clientAddress(headers: unknown): string | undefined {
  const node = forwardedParameter(headers, "for");
  return nodeAddress(node) ?? nodeAddress(readHeader(headers, "x-forwarded-for")?.split(",")[0]);
}

/** The first value of a parameter of `Forwarded` (RFC 7239 section 4). */
function forwardedParameter(headers: unknown, name: "for" | "host" | "proto"): string | undefined {
  const forwarded = readHeader(headers, "forwarded");
  if (forwarded === undefined) return undefined;
  return new RegExp(`(?:^|[;,\\s])${name}=("[^"]*"|[^;,\\s]+)`, "i").exec(forwarded)?.[1]?.replaceAll('"', "");
}

/**
 * The scheme and the host that the client has sent its request to, as reported by proxies: `proto` and `host` of `Forwarded`, else the first entry of
 * `X-Forwarded-Proto` and of `X-Forwarded-Host`. What is not reported, or not valid, is that of the request.
 */
function forwardedOrigin({ scheme, host, headers }: ReceivedRequest): { scheme: string; host: string | undefined } {
  const first = (parameter: "proto" | "host"): string | undefined =>
    forwardedParameter(headers, parameter) ?? readHeader(headers, `x-forwarded-${parameter}`)?.split(",")[0]?.trim();
  const proto = first("proto")?.toLowerCase();
  const reported = first("host");
  const origin = reported === undefined ? undefined : originOf(`http://${reported}`);
  const isHost = origin !== undefined && origin.address !== "" && origin.text === `http://${reported}`;
  return {
    scheme: proto === "http" || proto === "https" ? proto : scheme,
    host: isHost ? reported : host,
  };
}

/** The address of a node (RFC 7239 section 6) without quotes, brackets and port; undefined for an obfuscated or unknown node. */
function nodeAddress(node: string | undefined): string | undefined {
  const text = node?.trim().replaceAll('"', "") ?? "";
  if (text === "" || text.startsWith("_") || text.toLowerCase() === "unknown") return undefined;
  const bracketed = /^\[([^\]]+)\]/.exec(text)?.[1];
  if (bracketed !== undefined) return bracketed;
  return text.indexOf(":") === text.lastIndexOf(":") ? text.replace(/:\d+$/, "") : text;
}

/** The request headers that the option `headersToSpanAttributes` names. */
export function requestHeaderAttributes(config: ServerConfig, received: ReceivedRequest): Record<string, string[]> {
  return headerAttributes(config.requestHeaders, received.headers, config.sensitive);
}

const METRIC_ATTRIBUTES = [HTTP_REQUEST_METHOD, URL_SCHEME, NETWORK_PROTOCOL_VERSION, ERROR_TYPE];

/** The attributes of `http.server.request.duration`, out of those of the span. */
export function serverMetricAttributes(
  spanAttributes: Attributes,
  route: string | undefined,
  status: number | undefined,
): Attributes {
  const attributes: Attributes = {};
  for (const name of METRIC_ATTRIBUTES) if (spanAttributes[name] !== undefined) attributes[name] = spanAttributes[name];
  if (route !== undefined) attributes[HTTP_ROUTE] = route;
  if (status !== undefined) attributes[HTTP_RESPONSE_STATUS_CODE] = status;
  return attributes;
}
