import { isSameOrigin, originOf } from "../http/urls.ts";
import type { UrlTest } from "./matchers.ts";

interface Scope {
  readonly process?: { readonly getBuiltinModule?: unknown; readonly versions?: { readonly electron?: string } };
  readonly document?: unknown;
  readonly importScripts?: unknown;
  readonly origin?: string;
  readonly location?: { readonly origin: string };
}

/**
 * Whether a URL is at the origin of the page or worker that this runs in; undefined where this runs in no browser. Decided once: the origin of a
 * page does not change.
 *
 * A header of ours makes a request to another origin one that a browser asks leave for first (Fetch standard, CORS-preflight fetch), and an
 * origin that does not know the header refuses it.
 */
export function ownOriginTest(): UrlTest | undefined {
  const { origin, location } = globalThis as Scope;
  if (location === undefined || !isBrowser()) return undefined;
  // That of a sandboxed frame is "null" whatever its address; that of a frame without an address is its parent's.
  const own = originOf(origin ?? location.origin);
  return (url) => own.address !== "" && isSameOrigin(originOf(url), own);
}

/**
 * Whether fetch is a browser's, which keeps to CORS. By what a browser's pages and workers alone have: Deno may have a `location`, and its workers,
 * Cloudflare's and a browser's share their interfaces. A process with Node's modules is none even with a `document` (jsdom, happy-dom), but for the pages of Electron.
 */
function isBrowser(): boolean {
  const { process, document, importScripts } = globalThis as Scope;
  if (typeof process?.getBuiltinModule === "function" && process.versions?.electron === undefined) return false;
  return (typeof document === "object" && document !== null) || typeof importScripts === "function";
}
