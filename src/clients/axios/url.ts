import type { AxiosRequestConfig } from "axios";
import { hrefWithoutData, parseUrl } from "../../core/http/urls.ts";
import { BoundedCache } from "../../core/http/bounded-cache.ts";
import type { Build } from "./build.ts";

/** The URL that a request asks for, and its query as the serializer made it; `threw` is what the serializer threw. */
export interface RequestUrl {
  readonly href: string;
  readonly serialized: string | undefined;
  readonly threw: { readonly error: unknown } | undefined;
}

/** The URL that axios will ask for: `baseURL`, `params` and `paramsSerializer` applied, normalised. */
export function requestUrl(config: AxiosRequestConfig, build: Build): RequestUrl {
  const path = fullPath(config, build);
  let serialized: string | undefined;
  let threw: RequestUrl["threw"];
  if (config.params) {
    try {
      serialized = flatQuery(config) ?? serializedBy(build, config);
    } catch (error) {
      threw = { error };
    }
  }
  return { href: normalized(serialized ? withQuery(path, serialized) : path, config), serialized, threw };
}

// What axios takes for absolute: a scheme with "//", or "//" alone.
const ABSOLUTE = /^(?:[a-z][a-z\d+\-.]*:)?\/\//i;

function fullPath(config: AxiosRequestConfig, build: Build): string {
  const { baseURL, url = "", allowAbsoluteUrls } = config;
  if (!baseURL || (allowAbsoluteUrls !== false && ABSOLUTE.test(url))) return url;
  if (url === "") return baseURL;
  // How many slashes at the end of a base are taken off differs from version to version.
  if (baseURL.endsWith("//")) return build.getUri({ baseURL, url, ...(allowAbsoluteUrls !== undefined && { allowAbsoluteUrls }) });
  const base = baseURL.endsWith("/") ? baseURL.slice(0, -1) : baseURL;
  return url.startsWith("/") ? base + url.replace(/^\/+/, "/") : `${base}/${url}`;
}

function withQuery(path: string, query: string): string {
  const hash = path.indexOf("#");
  const base = hash === -1 ? path : path.slice(0, hash);
  return `${base}${base.includes("?") ? "&" : "?"}${query}`;
}

/** The query that the build itself makes of params: dates, arrays, nested objects, serializers, encoders. */
function serializedBy(build: Build, { params, paramsSerializer }: AxiosRequestConfig): string {
  return build.getUri({ url: "", params, ...(paramsSerializer !== undefined && { paramsSerializer }) }).slice(1);
}

const PLAIN_NAME = /^[\w.-]+$/;

/** The query of params that need no more than encoding, which most do not; undefined for all others. Some ten times faster. */
function flatQuery({ params, paramsSerializer }: AxiosRequestConfig): string | undefined {
  if (paramsSerializer !== undefined || typeof params !== "object" || Object.getPrototypeOf(params) !== Object.prototype)
    return undefined;
  let query = "";
  for (const name of Object.keys(params as object)) {
    const value: unknown = (params as Record<string, unknown>)[name];
    if (value === null || value === undefined) continue;
    if (!PLAIN_NAME.test(name) || name === "__proto__") return undefined;
    const text = typeof value === "string" ? encodeURIComponent(value) : plainText(value);
    if (text === undefined || text.includes("%5")) return undefined; // brackets are not encoded by all versions
    query += `${query === "" ? "" : "&"}${name}=${text.includes("%") ? lenient(text) : text}`;
  }
  return query;
}

function plainText(value: unknown): string | undefined {
  return typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))
    ? encodeURIComponent(value)
    : undefined;
}

/** axios leaves these characters as they are, and writes a space as "+". */
function lenient(encoded: string): string {
  return encoded.replace(/%3A/g, ":").replace(/%24/g, "$").replace(/%2C/g, ",").replace(/%20/g, "+");
}

const recent = new BoundedCache<string>();

/** What was asked lately is at hand, for an agent asks the same again and again. */
function normalized(url: string, { socketPath }: AxiosRequestConfig): string {
  const base = socketPath ? "http://localhost" : globalThis.location?.href;
  const known = base === undefined ? recent.get(url) : undefined;
  if (known !== undefined) return known;
  const parsed = parseUrl(url, base);
  if (parsed === undefined) return url;
  const href = hrefWithoutData(parsed);
  if (base === undefined) recent.set(url, href);
  return href;
}
