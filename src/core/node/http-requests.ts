import type { ChannelRequest } from "../calls/request-observer.ts";
import { sameName } from "../propagation/carrier.ts";
import { TRACEPARENT } from "../propagation/trace-context.ts";
import { warnOnce } from "../telemetry/diagnostics.ts";

type HeaderValue = string | number | readonly string[] | undefined;

/** What is used of Node's `ClientRequest`. */
export interface NodeHttpRequest {
  readonly socketPath?: string | undefined;
  readonly method: string;
  readonly protocol: string;
  readonly host: string;
  readonly agent?: { readonly sockets?: object; readonly requests?: object } | undefined;
  readonly path: string;
  readonly headersSent: boolean;
  getHeader(name: string): HeaderValue;
  getRawHeaderNames(): string[];
  setHeader: (name: string, value: string) => unknown;
  removeHeader(name: string): void;
}

/** A request of `node:http` in the form of undici's requests. */
export class HttpChannelRequest implements ChannelRequest {
  readonly request: NodeHttpRequest;
  readonly origin: string;
  /** For `startCall()`: headers that can be read one by one. */
  readonly readable: object;
  #flat: readonly unknown[] | undefined = undefined;

  constructor(request: NodeHttpRequest) {
    this.request = request;
    this.origin = `${request.protocol}//${authorityOf(request)}`;
    this.readable = request.headersSent ? flushedHeaders(request) : new OutgoingHeaders(request);
  }

  get path(): string {
    return this.request.path;
  }

  get method(): string {
    return this.request.method;
  }

  /** The headers as a flat array. */
  get headers(): readonly unknown[] {
    return (this.#flat ??= Array.isArray(this.readable) ? this.readable : [...(this.readable as OutgoingHeaders)].flat());
  }

  get traceparent(): string | undefined {
    const { readable } = this;
    if (readable instanceof OutgoingHeaders) return readable.get(TRACEPARENT);
    const index = (readable as string[]).findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === TRACEPARENT);
    return index === -1 ? undefined : (readable as string[])[index + 1];
  }

  setHeaders(added: Record<string, string>, removed: readonly string[]): void {
    const { request } = this;
    if (request.headersSent) {
      if (removed.length > 0 || Object.keys(added).length > 0) warnOnce(FLUSHED);
      return;
    }
    for (const name of removed) request.removeHeader(name);
    for (const name in added) request.setHeader(name, added[name] as string);
    this.#flat = undefined;
  }

  /** Ignores later changes of some headers: superagent sets the headers of a redirected request again on the next one. */
  keepHeaders(names: readonly string[]): void {
    const { request } = this;
    const { setHeader } = request;
    request.setHeader = function (name, value) {
      return names.some((kept) => sameName(kept, name)) ? this : Reflect.apply(setHeader, this, [name, value]);
    };
  }
}

const FLUSHED =
  'A request of node:http whose headers are an array, or that has "Expect: 100-continue", is recorded but carries no trace context: ' +
  "Node writes such headers before they can be changed. Pass the headers as an object.";

class OutgoingHeaders {
  readonly #request: NodeHttpRequest;

  constructor(request: NodeHttpRequest) {
    this.#request = request;
  }

  get(name: string): string | undefined {
    const value = this.#request.getHeader(name);
    return typeof value === "string" || value === undefined ? value : String(value);
  }

  *[Symbol.iterator](): Iterator<[string, string]> {
    for (const name of this.#request.getRawHeaderNames()) yield [name, this.get(name) as string];
  }
}

/** Headers that Node has serialized already: `_header` is their text, `getHeader()` does not return those of an array. */
function flushedHeaders(request: object): string[] {
  const { _header: text } = request as { _header?: unknown };
  const flat: string[] = [];
  for (const line of String(text).split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (colon > 0) flat.push(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return flat;
}

/**
 * Host and port of a request. A `ClientRequest` has no public property with the port: newer versions of Node have the authority in an internal one. With
 * older ones, the `Host` header shows it unless the application has set that header, and the agent lists its connections by host and port.
 */
function authorityOf(request: NodeHttpRequest): string {
  const authority = authorityProperty(request);
  if (authority !== undefined) return authority;
  const { host } = request;
  const address = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  const port = portInHeader(address, request.getHeader("host")) ?? portInAgent(request);
  return port === undefined || port === DEFAULT_PORTS[request.protocol] ? address : `${address}:${port}`;
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/** The port in a `Host` header, if it has one and its host is the address that the request goes to. */
function portInHeader(address: string, header: HeaderValue): string | undefined {
  if (typeof header !== "string" || !header.startsWith(`${address}:`)) return undefined;
  const port = header.slice(address.length + 1);
  return /^\d+$/.test(port) ? port : undefined;
}

/** The port by the names of the agent's connections (`agent.getName()`); undefined if it has connections to several ports of the host, or none. */
function portInAgent({ agent, host }: NodeHttpRequest): string | undefined {
  const names = Object.keys({ ...agent?.sockets, ...agent?.requests }).filter((name) => name.startsWith(`${host}:`));
  const ports = new Set(names.map((name) => name.slice(host.length + 1).split(":", 1)[0]));
  return ports.size === 1 ? [...ports][0] : undefined;
}

let authorityKey: symbol | null | undefined;

/** `kAuthority`, an internal property of Node's that is only read. */
function authorityProperty(request: object): string | undefined {
  if (authorityKey === undefined) {
    authorityKey = Object.getOwnPropertySymbols(request).find(({ description }) => description === "kAuthority") ?? null;
  }
  const value: unknown = authorityKey === null ? undefined : Reflect.get(request, authorityKey);
  return typeof value === "string" ? value : undefined;
}
