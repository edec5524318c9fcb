import { stringify } from "node:querystring";
import { BoundedCache } from "../../core/http/bounded-cache.ts";
import { parseUrl } from "../../core/http/urls.ts";

type RequestOrigin = string | URL | null | undefined;
type Query = Record<string, unknown> | null | undefined;

// The path of a request to a proxy may be a URL; that of CONNECT is a host and a port.
const ABSOLUTE_URL = /^https?:\/\//;

/** The last URL of a request without a query, and what it was built from. */
let last: { readonly origin: unknown; readonly path: string; readonly url: string } | undefined;

/**
 * The URL of a dispatched request, byte for byte; a path if the origin is not known.
 *
 * The last URL is kept, because most requests go to the same URL as the one before: a new string would have to be hashed in each cache that has URLs
 * as keys (`npm run bench:micro -- dispatch-url`).
 */
export function dispatchUrl(origin: RequestOrigin, path: string, query?: Query): string {
  // A URL object may be changed between two requests.
  if (typeof origin !== "string" || (query !== undefined && query !== null)) return buildUrl(origin, path, query);
  if (last?.path !== path || last.origin !== origin) last = { origin, path, url: buildUrl(origin, path, query) };
  return last.url;
}

function buildUrl(origin: RequestOrigin, path: string, query: Query): string {
  const target = query === undefined || query === null ? path : addQuery(path, query);
  if (ABSOLUTE_URL.test(target)) return target;
  return `${normalizeOrigin(origin) ?? ""}${target.startsWith("/") ? "" : "/"}${target}`;
}

/** Adds a query as undici does it (`serializePathWithQuery`). */
function addQuery(path: string, query: Record<string, unknown>): string {
  const text = stringify(query as Record<string, string>);
  return text === "" ? path : `${path}?${text}`;
}

const normalizedOrigins = new BoundedCache<string>();

export function normalizeOrigin(origin: RequestOrigin): string | undefined {
  if (origin === undefined || origin === null) return undefined;
  if (typeof origin !== "string") return origin.origin ?? String(origin);
  let normalized = normalizedOrigins.get(origin);
  if (normalized === undefined) {
    normalized = parseUrl(origin)?.origin ?? origin;
    normalizedOrigins.set(origin, normalized);
  }
  return normalized;
}
