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
  URL_QUERY,
  URL_SCHEME,
  USER_AGENT_ORIGINAL,
} from "./attributes.ts";
import { redactHeader, redactQuery } from "./redaction.ts";
import { originOf } from "./urls.ts";
import type { Origin } from "./urls.ts";
import { A2A_METHOD_NAME, recogniseA2A } from "./a2a-recognition.ts";
import { readHeader } from "../propagation/carrier.ts";
import { clientAddress } from "./client-address.ts";
import type { ServerConfig } from "../calls/server-config.ts";

/** What an adapter knows of a received request. */
export interface Received {
  readonly method: string;
  /** The request target: a path with its query, `*`, or an absolute URL (RFC 9112 section 3.2). */
  readonly target: string;
  readonly scheme: string;
  /** `Host` or `:authority`. */
  readonly host: string | undefined;
  /** In any shape that carriers have. */
  readonly headers: unknown;
  readonly userAgent: string | undefined;
  readonly peerAddress?: string | undefined;
  readonly peerPort?: number | undefined;
  readonly protocolVersion?: string | undefined;
  /** The headers among these names, keyed in lower case; undefined if none is there. */
  carried(names: readonly string[]): Record<string, string> | undefined;
}

export function knownMethod(config: ServerConfig, method: string): string {
  return config.knownMethods.has(method) ? method : OTHER_METHOD;
}

export function requestAttributes(config: ServerConfig, received: Received): Attributes {
  const { method, scheme, peerAddress, peerPort, protocolVersion } = received;
  const { path, query } = splitTarget(received.target);
  const known = knownMethod(config, method);
  // One literal, whose names are not computed, for what nearly each request has: it is made several times as fast.
  const attributes: Attributes = { "http.request.method": known, "url.path": path, "url.scheme": scheme };
  if (known !== method) attributes[HTTP_REQUEST_METHOD_ORIGINAL] = method;
  if (query !== "") attributes[URL_QUERY] = redactQuery(query, config.sensitive);
  const { address, port } = hostOf(scheme, received.host);
  if (address !== "") attributes[SERVER_ADDRESS] = address;
  if (port !== undefined) attributes[SERVER_PORT] = port;
  const client = config.options.trustProxy === true ? (clientAddress(received.headers) ?? peerAddress) : peerAddress;
  if (client !== undefined) attributes[CLIENT_ADDRESS] = client;
  if (peerAddress !== undefined) attributes[NETWORK_PEER_ADDRESS] = peerAddress;
  if (peerPort !== undefined) attributes[NETWORK_PEER_PORT] = peerPort;
  if (protocolVersion !== undefined) attributes[NETWORK_PROTOCOL_VERSION] = protocolVersion;
  const { userAgent } = received;
  if (userAgent !== undefined) attributes[USER_AGENT_ORIGINAL] = userAgent;
  const a2a = config.options.a2a === false ? undefined : recogniseA2A("headers", method, received.target, received.headers);
  if (a2a?.method !== undefined) attributes[A2A_METHOD_NAME] = a2a.method;
  return config.requestHeaders.length === 0 ? attributes : Object.assign(attributes, requestHeaders(config, received));
}

let lastScheme = "";
let lastHost: string | undefined;
let lastOrigin: Pick<Origin, "address" | "port"> = { address: "", port: undefined };

/** The server's name and port. The last ones are at hand: most requests of a server ask for the same. */
function hostOf(scheme: string, host: string | undefined): Pick<Origin, "address" | "port"> {
  if (host !== lastHost || scheme !== lastScheme) {
    lastOrigin = host === undefined ? NO_HOST : originOf(`${scheme}://${host}`);
    lastHost = host;
    lastScheme = scheme;
  }
  return lastOrigin;
}

const NO_HOST = { address: "", port: undefined };

/** The scheme and the authority of a request target in absolute form. */
const ABSOLUTE_FORM = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;

/** A request target's path and query, of its origin form, its absolute form, or `*` (RFC 9112 section 3.2), byte for byte. */
function splitTarget(target: string): { path: string; query: string } {
  const rest = target.startsWith("/") ? target : target.replace(ABSOLUTE_FORM, "");
  const start = rest.indexOf("?");
  const path = start === -1 ? rest : rest.slice(0, start);
  return { path: path === "" ? "/" : path, query: start === -1 ? "" : rest.slice(start + 1) };
}

export function requestHeaders(config: ServerConfig, received: Received): Attributes {
  const attributes: Attributes = {};
  for (const header of config.requestHeaders) {
    const value = readHeader(received.headers, header.name);
    if (value !== undefined) attributes[header.attribute] = [redactHeader(header.name, value)];
  }
  return attributes;
}

const MEASURED = [HTTP_REQUEST_METHOD, URL_SCHEME, NETWORK_PROTOCOL_VERSION, ERROR_TYPE];

export function measuredAttributes(attributes: Attributes, route: string | undefined, status: number | undefined): Attributes {
  const kept: Attributes = {};
  for (const name of MEASURED) if (attributes[name] !== undefined) kept[name] = attributes[name];
  if (route !== undefined) kept[HTTP_ROUTE] = route;
  if (status !== undefined) kept[HTTP_RESPONSE_STATUS_CODE] = status;
  return kept;
}
