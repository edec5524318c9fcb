import { BoundedCache } from "../../core/http/bounded-cache.ts";
import { hrefWithoutData, parseUrl } from "../../core/http/urls.ts";
import { bufferIterable } from "../../core/propagation/carrier.ts";
import { copyWithHeaders } from "../../core/propagation/copy-with-headers.ts";

export type FetchArguments = [input: string | URL | Request, init?: RequestInit, ...rest: unknown[]];

type Input = FetchArguments[0];
type Init = FetchArguments[1];

// The Fetch standard upper-cases these six methods and no others ("normalize a method").
const NORMALIZED_METHODS: ReadonlySet<string> = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]);

/** The method of a fetch as it is sent. */
export function fetchMethod(input: Input, init: Init): string {
  const given = init?.method as string | null | undefined;
  if (given === undefined) return isRequest(input) ? input.method : "GET";
  const method = String(given); // fetch accepts null, and sends it as a method of that name
  if (NORMALIZED_METHODS.has(method)) return method;
  const upperCase = method.toUpperCase();
  return NORMALIZED_METHODS.has(upperCase) ? upperCase : method;
}

const normalizedUrls = new BoundedCache<string>();

/** The normalised URL of a fetch; the text that was passed if it is not a URL. */
export function fetchUrl(input: Input): string {
  if (isRequest(input)) return input.url;
  const text = String(input);
  const known = normalizedUrls.get(text);
  if (known !== undefined) return known;
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  const url = parseUrl(text, base);
  if (url === undefined) return text;
  const href = hrefWithoutData(url);
  // The address of a page, which relative URLs are resolved against, may change.
  if (base === undefined) normalizedUrls.set(text, href);
  return href;
}

/** The headers of a fetch, in the caller's shape: those of the init replace those of the `Request`. */
export function fetchHeaders(input: Input, init: Init): unknown {
  return init?.headers ?? (isRequest(input) ? input.headers : undefined);
}

export function fetchSignal(input: Input, init: Init): AbortSignal | null | undefined {
  return init?.signal === undefined && isRequest(input) ? input.signal : init?.signal;
}

/** Whether an input is a `Request`, also one of another realm or of the undici package. */
export function isRequest(input: Input): input is Request {
  return typeof input === "object" && typeof (input as Partial<Request>).url === "string" && "headers" in input;
}

/** Replaces headers that are an iterator by an array: an iterator can be read only once, by this package or by the platform. */
export function bufferHeaders(args: FetchArguments): void {
  const headers = args[1]?.headers as { next?: unknown } | undefined;
  if (typeof headers?.next !== "function") return;
  args[1] = initWithHeaders(args[1], bufferIterable(headers as Iterable<[string, string]>) as [string, string][]);
}

/** A copy of an init with other headers. */
export function initWithHeaders(init: Init | null, headers: HeadersInit): RequestInit {
  return init === undefined || init === null ? { headers } : copyWithHeaders(init, headers);
}
