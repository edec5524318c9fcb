/** Attribute names of OpenTelemetry's semantic conventions (HTTP: stable), and how values come from methods, URLs and errors. */

export const HTTP_REQUEST_METHOD = "http.request.method";
export const HTTP_REQUEST_METHOD_ORIGINAL = "http.request.method_original";
export const HTTP_REQUEST_RESEND_COUNT = "http.request.resend_count";
export const HTTP_RESPONSE_STATUS_CODE = "http.response.status_code";
export const HTTP_ROUTE = "http.route";
export const SERVER_ADDRESS = "server.address";
export const SERVER_PORT = "server.port";
export const CLIENT_ADDRESS = "client.address";
export const URL_FULL = "url.full";
export const URL_PATH = "url.path";
export const URL_QUERY = "url.query";
export const URL_SCHEME = "url.scheme";
export const URL_TEMPLATE = "url.template";
export const ERROR_TYPE = "error.type";
export const NETWORK_PEER_ADDRESS = "network.peer.address";
export const NETWORK_PEER_PORT = "network.peer.port";
export const NETWORK_PROTOCOL_VERSION = "network.protocol.version";
export const USER_AGENT_ORIGINAL = "user_agent.original";
export const HTTP_CLIENT_REQUEST_DURATION = "http.client.request.duration";
export const HTTP_SERVER_REQUEST_DURATION = "http.server.request.duration";

/** `http.request.method` of a method that is not known. */
export const OTHER_METHOD = "_OTHER";

const REDACTED = "REDACTED";

/** RFC 9110's nine methods with PATCH (RFC 5789) and QUERY. */
export const KNOWN_METHODS: readonly string[] = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "QUERY",
];

/** Query keys whose values sign a URL (semconv `url.full`). */
export const SENSITIVE_QUERY_PARAMETERS: readonly string[] = [
  "X-Amz-Signature",
  "X-Amz-Credential",
  "X-Amz-Security-Token",
  "AWSAccessKeyId",
  "Signature",
  "sig",
  "X-Goog-Signature",
];

/** Headers whose values are credentials: recorded as `REDACTED` even when asked for. */
const CREDENTIAL_HEADER =
  /^(?:authorization|proxy-authorization|cookie|set-cookie|x-amz-security-token|.*(?:api-?key|token|secret|password).*)$/;

/** The value that a span may carry for a header. */
export function headerValue(name: string, value: string): string {
  return CREDENTIAL_HEADER.test(name) ? REDACTED : value;
}

/** `network.protocol.version` (semconv: `2`) of what Node calls `2.0`. */
export function protocolVersion(httpVersion: string): string {
  return httpVersion === "2.0" ? "2" : httpVersion;
}

/** What a URL says of the server, the same for each URL of an origin. */
export interface Origin {
  readonly scheme: string;
  readonly address: string;
  readonly port: number | undefined;
  /** As it stands in URLs. */
  text: string;
}

const UNKNOWN_ORIGIN: Origin = { scheme: "", address: "", port: undefined, text: "" };
/** By `URL.protocol`. */
export const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443, "ws:": 80, "wss:": 443 };
const ORIGINS_KEPT = 4096;

const origins = new Map<string, Origin>();
let lastPrefix = "\0";
let lastOrigin: Origin = UNKNOWN_ORIGIN;

/**
 * The origin of an absolute, normalised URL (`URL.href`). The last one is at hand and the last few thousand are remembered, for an agent
 * talks to few others again and again.
 */
export function originOf(href: string): Origin {
  if (href.startsWith(lastPrefix) && endsAuthority(href.charCodeAt(lastPrefix.length))) return lastOrigin;
  const end = authorityEnd(href);
  if (end === -1) return UNKNOWN_ORIGIN;
  const prefix = href.slice(0, end);
  let origin = origins.get(prefix);
  if (origin === undefined) {
    origin = parseOrigin(prefix);
    if (origins.size === ORIGINS_KEPT) origins.clear();
    origins.set(prefix, origin);
  }
  lastPrefix = prefix;
  lastOrigin = origin;
  return origin;
}

/** Whether the code unit ends the authority of a URL: `/`, `?`, `#`, `\` or the end of the string. */
function endsAuthority(code: number): boolean {
  return code === 47 || code === 63 || code === 35 || code === 92 || Number.isNaN(code);
}

function authorityEnd(href: string): number {
  const start = href.indexOf("://");
  if (start === -1) return -1;
  let end = start + 3;
  while (!endsAuthority(href.charCodeAt(end))) end++;
  return end;
}

function parseOrigin(prefix: string): Origin {
  const url = parseUrl(prefix);
  if (url === undefined) return UNKNOWN_ORIGIN;
  const { protocol, hostname, port } = url;
  return {
    scheme: protocol.slice(0, -1),
    address: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname,
    port: port === "" ? DEFAULT_PORTS[protocol] : Number(port),
    text: prefix,
  };
}

/** Whether two URLs' origins are the same. */
export function isSameOrigin(a: Origin, b: Origin): boolean {
  return a === b || (a.scheme === b.scheme && a.address === b.address && a.port === b.port);
}

/** `new URL` that answers undefined where it would throw. */
export function parseUrl(url: string, base?: string): URL | undefined {
  try {
    return new URL(url, base);
  } catch {
    return undefined;
  }
}

/** A URL as it is recorded, before secrets are taken out: what a `data:` URL carries is a body, and no part of an address. */
export function addressOf({ protocol, href }: URL): string {
  return protocol === "data:" ? href.slice(0, href.indexOf(",") + 1) : href;
}

/** `url.full`: without user info, and without the values of sensitive query parameters (semconv `url.full`). */
export function redactUrl(url: string, sensitive: RegExp | undefined): string {
  return redactQuery(url.includes("@") ? redactUserInfo(url) : url, sensitive);
}

/** A URL's query, or a URL, whose sensitive parameters keep their keys and lose their values; all else stays byte for byte. */
export function redactQuery(query: string, sensitive: RegExp | undefined): string {
  return sensitive !== undefined && query.includes("=") ? query.replace(sensitive, `$1${REDACTED}`) : query;
}

/** The expression that finds the values of the given query keys; undefined for none. */
export function sensitiveQuery(keys: readonly string[]): RegExp | undefined {
  if (keys.length === 0) return undefined;
  const names = keys.map((key) => key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  return new RegExp(`((?:^|[?&])(?:${names})=)[^&#]*`, "g");
}

// What stands before the last "@" of an authority is user info; also in a URL that no parser takes, and in each URL of a text.
const USER_INFO = /([/\\]{2})[^/\\?#\s"'<>]*@/g;
const USER_INFO_WITHOUT_SLASHES = /^[^/\\?#]*@/;

function redactUserInfo(text: string): string {
  return text.replace(USER_INFO, `$1${REDACTED}:${REDACTED}@`).replace(USER_INFO_WITHOUT_SLASHES, `${REDACTED}:${REDACTED}@`);
}

/** A message of somebody else's, before it is recorded: the URLs in it lose what {@link redactUrl} takes out. */
export function redactText(text: string, sensitive: RegExp | undefined): string {
  const lines = text.replace(USER_INFO, `$1${REDACTED}:${REDACTED}@`).split("\n");
  // What follows a value up to the end of its line may belong to it; the frames of a stack do not.
  return lines.map((line) => redactQuery(line, sensitive)).join("\n");
}

const CODE = /^[A-Za-z][A-Za-z0-9_]{1,63}$/;
const CAUSES_FOLLOWED = 8;
const ERRORS_ASKED = 64;

/**
 * `error.type` of a failure: the `code` of the error or of what caused it, else its class name, else `_OTHER`.
 * Never a message, never a number.
 */
export function errorType(error: unknown): string {
  try {
    return errorCode(error, CAUSES_FOLLOWED, { left: ERRORS_ASKED }) ?? className(error) ?? "_OTHER";
  } catch {
    return "_OTHER"; // a getter of the error's own threw
  }
}

/** @param asked how many errors may be asked yet: several that each are made of several are soon too many. */
function errorCode(error: unknown, depth: number, asked: { left: number }): string | undefined {
  if (typeof error !== "object" || error === null || depth === 0 || asked.left-- <= 0) return undefined;
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  if (typeof code === "string" && CODE.test(code)) return code;
  const causeCode = errorCode(cause, depth - 1, asked);
  if (causeCode !== undefined || !Array.isArray(errors)) return causeCode;
  for (const inner of errors.slice(0, CAUSES_FOLLOWED)) {
    const innerCode = errorCode(inner, depth - 1, asked);
    if (innerCode !== undefined) return innerCode;
  }
  return undefined;
}

function className(error: unknown): string | undefined {
  if (!isError(error)) return undefined;
  const { name } = error;
  if (typeof name === "string" && name !== "Error" && CODE.test(name)) return name;
  const constructorName: unknown = error.constructor?.name;
  return typeof constructorName === "string" && CODE.test(constructorName) ? constructorName : "Error";
}

/** Whether a value is an error, also one of another realm or a `DOMException`. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]" || isDomException(value);
}

function isDomException(value: unknown): boolean {
  return typeof DOMException === "function" && value instanceof DOMException;
}
