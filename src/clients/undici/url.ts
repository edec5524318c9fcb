import { stringify } from "node:querystring";
import { BoundedCache } from "../../core/http/bounded-cache.ts";
import { parseUrl } from "../../core/http/urls.ts";

/** Where a dispatched request goes, as its options say it. */
export interface RequestTarget {
  readonly origin: string | URL | null | undefined;
  readonly path: string;
  readonly query?: Record<string, unknown> | null | undefined;
}

// The path of a request to a proxy may be a URL; that of CONNECT is a host and a port.
const ABSOLUTE_URL = /^https?:\/\//;

/** The URL of a dispatched request, byte for byte; a path if the origin is not known. */
export function dispatchUrl({ origin, path, query }: RequestTarget): string {
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

export function normalizeOrigin(origin: string | URL | null | undefined): string | undefined {
  if (origin === undefined || origin === null) return undefined;
  if (typeof origin !== "string") return origin.origin ?? String(origin);
  let normalized = normalizedOrigins.get(origin);
  if (normalized === undefined) {
    normalized = parseUrl(origin)?.origin ?? origin;
    normalizedOrigins.set(origin, normalized);
  }
  return normalized;
}
