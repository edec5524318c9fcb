import type { AxiosRequestConfig } from "axios";
import { hrefWithoutData, parseUrl } from "../../core/http/urls.ts";
import { BoundedCache } from "../../core/http/bounded-cache.ts";
import type { Build } from "./build.ts";

/** The URL of a request and its query as the serializer returned it. */
export interface RequestUrl {
  readonly href: string;
  /** Undefined if the request has no parameters. */
  readonly serialized: string | undefined;
  /** The error that the serializer has thrown. */
  readonly threw: { readonly error: unknown } | undefined;
}

/** Determines the URL that axios will request: with `baseURL`, `params` and `paramsSerializer` applied, and normalized. */
export function requestUrl(request: AxiosRequestConfig, build: Build): RequestUrl {
  const path = fullPath(request, build);
  let serialized: string | undefined;
  let threw: RequestUrl["threw"];
  if (request.params) {
    try {
      serialized = serializeFlat(request) ?? serializeByBuild(build, request);
    } catch (error) {
      threw = { error };
    }
  }
  return { href: normalize(serialized ? withQuery(path, serialized) : path, request), serialized, threw };
}

// axios considers a URL absolute if it begins with a scheme and "//", or with "//" alone.
const ABSOLUTE = /^(?:[a-z][a-z\d+\-.]*:)?\/\//i;

function fullPath({ allowAbsoluteUrls, baseURL, url = "" }: AxiosRequestConfig, build: Build): string {
  if (!baseURL || (allowAbsoluteUrls !== false && ABSOLUTE.test(url))) return url;
  if (url === "") return baseURL;
  // Versions differ in how many slashes they remove from the end of a base.
  if (baseURL.endsWith("//")) return build.getUri({ baseURL, url, ...(allowAbsoluteUrls !== undefined && { allowAbsoluteUrls }) });
  const base = baseURL.endsWith("/") ? baseURL.slice(0, -1) : baseURL;
  return url.startsWith("/") ? base + url.replace(/^\/+/, "/") : `${base}/${url}`;
}

function withQuery(path: string, query: string): string {
  const hash = path.indexOf("#");
  const base = hash === -1 ? path : path.slice(0, hash);
  return `${base}${base.includes("?") ? "&" : "?"}${query}`;
}

/** The query as the build of axios serializes it: dates, arrays, nested objects, the application's serializers and encoders. */
function serializeByBuild(build: Build, { params, paramsSerializer }: AxiosRequestConfig): string {
  return build.getUri({ url: "", params, ...(paramsSerializer !== undefined && { paramsSerializer }) }).slice(1);
}

const PLAIN_NAME = /^[\w.-]+$/;

/** The query of parameters that only need encoding, which most are; undefined for all others. About ten times as fast as axios's own. */
function serializeFlat({ params, paramsSerializer }: AxiosRequestConfig): string | undefined {
  if (paramsSerializer !== undefined || typeof params !== "object" || Object.getPrototypeOf(params) !== Object.prototype) {
    return undefined;
  }
  let query = "";
  for (const name of Object.keys(params as object)) {
    const value: unknown = (params as Record<string, unknown>)[name];
    if (value === null || value === undefined) continue;
    if (!PLAIN_NAME.test(name) || name === "__proto__") return undefined;
    const text = encodeScalar(value);
    if (text === undefined || text.includes("%5")) return undefined; // Not all versions encode brackets.
    query += `${query === "" ? "" : "&"}${name}=${text.includes("%") ? decodeAllowed(text) : text}`;
  }
  return query;
}

function encodeScalar(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))
    ? encodeURIComponent(value)
    : undefined;
}

/** axios does not encode these characters, and writes a space as "+". */
function decodeAllowed(encoded: string): string {
  return encoded.replace(/%3A/g, ":").replace(/%24/g, "$").replace(/%2C/g, ",").replace(/%20/g, "+");
}

const normalizedUrls = new BoundedCache<string>();

/** Cached, because an agent requests the same URLs again and again. */
function normalize(url: string, { socketPath }: AxiosRequestConfig): string {
  const base = socketPath ? "http://localhost" : globalThis.location?.href;
  const cached = base === undefined ? normalizedUrls.get(url) : undefined;
  if (cached !== undefined) return cached;
  const parsed = parseUrl(url, base);
  if (parsed === undefined) return url;
  const href = hrefWithoutData(parsed);
  if (base === undefined) normalizedUrls.set(url, href);
  return href;
}
