import { DEFAULT_PORTS, isSameOrigin, originOf, parseUrl } from "../http/urls.ts";
import type { Origin } from "../http/urls.ts";
import { safeCall } from "../telemetry/diagnostics.ts";
import { isBrowser } from "../telemetry/environment.ts";
import { redactMessage } from "../http/redaction.ts";

/**
 * Selects the hosts of a policy: an origin (`https://agents.corp.example:8443`), a host on any port (`agents.corp.example`) or on one port
 * (`agents.corp.example:8443`), the subdomains of a host (`*.corp.example`, which does not include `corp.example`), a regular expression that is tested
 * against the origin, or a function of the whole URL.
 */
export type Matcher = string | RegExp | ((url: string) => boolean);

/** Whether a URL matches. Never throws. */
export type UrlTest = (url: string) => boolean;

/** A matcher that depends on the origin alone. */
type OriginTest = (origin: Origin) => boolean;

/**
 * Compiles matchers to one test: a URL matches if any of them does. A URL without a host never matches.
 *
 * @throws TypeError for a text that is not a host or an origin.
 */
export function compileMatchers(matchers: Matcher | readonly Matcher[]): UrlTest {
  const list = Array.isArray(matchers) ? (matchers as readonly Matcher[]) : [matchers as Matcher];
  const origins = list.filter((matcher) => typeof matcher !== "function").map(originTest);
  const functions = list.filter((matcher) => typeof matcher === "function");
  const byOrigin = cachedByOrigin((origin) => origins.some((test) => test(origin)));
  return (url) => {
    const origin = originOf(url);
    if (origin.address === "") return false;
    return byOrigin(origin) || functions.some((test) => safeCall("a matcher", test, url) === true);
  };
}

/** Caches the decision for each origin, for as long as {@link originOf} caches the origin itself. */
function cachedByOrigin(test: OriginTest): OriginTest {
  const decisions = new WeakMap<Origin, boolean>();
  return (origin) => {
    let decision = decisions.get(origin);
    if (decision === undefined) {
      decision = test(origin);
      decisions.set(origin, decision);
    }
    return decision;
  };
}

function originTest(matcher: string | RegExp): OriginTest {
  if (matcher instanceof RegExp) {
    // Without the flags that make `test` depend on `lastIndex`.
    const expression = new RegExp(matcher.source, matcher.flags.replace(/[gy]/g, ""));
    return (origin) => expression.test(serialized(origin));
  }
  if (matcher.includes("://")) {
    const meant = originOf(rootOf(matcher, matcher));
    return (origin) => origin.scheme === meant.scheme && host(origin) === host(meant) && origin.port === meant.port;
  }
  const below = matcher.startsWith("*.");
  const meant = originOf(rootOf(`http://${below ? matcher.slice(2) : matcher}`, matcher));
  const suffix = `.${host(meant)}`;
  const port = /:(\d+)$/.exec(matcher)?.[1];
  return (origin) =>
    (below ? host(origin).endsWith(suffix) : host(origin) === host(meant)) && (port === undefined || origin.port === Number(port));
}

/** The URL of a matcher, normalised by the URL standard (letter case, IDN, IPv6, default ports). It may have no path, query or user info. */
function rootOf(url: string, matcher: string): string {
  const parsed = parseUrl(url);
  const bare =
    parsed !== undefined && parsed.pathname === "/" && parsed.search + parsed.hash + parsed.username + parsed.password === "";
  if (!bare || parsed.hostname === "" || /[*\s]/.test(parsed.hostname)) {
    throw new TypeError(
      `"${redactMessage(matcher)}" does not name a host; use an origin ("https://agents.example:8443"), a host ("agents.example") or the hosts below one ("*.agents.example")`,
    );
  }
  return parsed.href;
}

/** The host without a trailing dot, which names the same host. */
function host({ address }: Origin): string {
  return address.endsWith(".") ? address.slice(0, -1) : address;
}

function serialized(origin: Origin): string {
  const { scheme, address, port } = origin;
  const name = address.includes(":") ? `[${address}]` : address;
  return port === undefined || port === DEFAULT_PORTS[`${scheme}:`] ? `${scheme}://${name}` : `${scheme}://${name}:${port}`;
}

/**
 * Matches URLs of the page's or worker's own origin; undefined outside of browsers. Any propagation header makes a request to another origin one that
 * needs a preflight (Fetch standard, CORS), which fails if that origin does not allow the header.
 */
export function ownOriginTest(): UrlTest | undefined {
  if (!isBrowser()) return undefined;
  const { origin, location } = globalThis as { readonly origin?: string; readonly location: { readonly origin: string } };
  // `origin` is "null" in a sandboxed frame, and the parent's in a frame without an address; `location` does not show either.
  const own = originOf(origin ?? location.origin);
  return (url) => own.address !== "" && isSameOrigin(originOf(url), own);
}
