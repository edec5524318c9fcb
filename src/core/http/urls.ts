/** The parts of a URL that identify the server, the same for every URL of an origin. */
export interface Origin {
  readonly scheme: string;
  /** `server.address`: the host name or the IP address, without brackets. */
  readonly address: string;
  /** `server.port`: the explicit port, else the scheme's default port. */
  readonly port: number | undefined;
  /** The scheme and authority as they are written in the URL. */
  text: string;
}

const UNKNOWN_ORIGIN: Origin = { scheme: "", address: "", port: undefined, text: "" };

/** The default ports, by `URL.protocol`. */
export const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443, "ws:": 80, "wss:": 443 };

const MAX_ORIGINS = 4096;
const origins = new Map<string, Origin>();

/**
 * Returns the origin of an absolute, normalised URL (`URL.href`); one with an empty address for any other text. Parsed origins are cached, so
 * that a URL is only parsed for the first request to its server.
 */
export function originOf(href: string): Origin {
  SCHEME_AND_AUTHORITY.lastIndex = 0;
  if (!SCHEME_AND_AUTHORITY.test(href)) return UNKNOWN_ORIGIN;
  const prefix = href.slice(0, SCHEME_AND_AUTHORITY.lastIndex);
  let origin = origins.get(prefix);
  if (origin === undefined) {
    origin = parseOrigin(prefix);
    if (origins.size === MAX_ORIGINS) origins.clear();
    origins.set(prefix, origin);
  }
  return origin;
}

// Sticky, because `exec` would create an array for each received request.
const SCHEME_AND_AUTHORITY = /[^:/?#\\]+:\/\/[^/?#\\]*/y;

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

/** Whether two origins have the same scheme, host and port. */
export function isSameOrigin(a: Origin, b: Origin): boolean {
  return a === b || (a.scheme === b.scheme && a.address === b.address && a.port === b.port);
}

/** Whether two URLs ask for the same resource: their user info and fragment are not sent in the request target. */
export function isSameResource(a: string, b: string): boolean {
  if (a === b) return true;
  const first = parseUrl(a);
  const second = parseUrl(b);
  if (first === undefined || second === undefined) return false;
  return first.origin === second.origin && first.pathname === second.pathname && first.search === second.search;
}

/** Parses a URL; returns undefined where `new URL` would throw. */
export function parseUrl(url: string, base?: string): URL | undefined {
  try {
    return new URL(url, base);
  } catch {
    return undefined;
  }
}

/** The text of a URL without the content of a `data:` URL, which is a body and not part of an address. */
export function hrefWithoutData({ protocol, href }: URL): string {
  return protocol === "data:" ? href.slice(0, href.indexOf(",") + 1) : href;
}
