import type { Attributes, Span } from "../span.ts";

/** The value of the first attribute that is present; older names of the conventions follow the current ones. */
function firstOf(attributes: Attributes, names: readonly string[]): string {
  const value = names.map((name) => attributes[name]).find((one) => one !== undefined && one !== "");
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

const METHOD = ["http.request.method", "http.method"];
const STATUS = ["http.response.status_code", "http.status_code"];
const URL_NAMES = ["url.path", "url.full", "http.target", "http.url"];
const HOST = ["server.address", "net.peer.name"];

function pathOf(attributes: Attributes): string {
  const url = firstOf(attributes, URL_NAMES);
  return url !== "" && URL.canParse(url, "http://localhost") ? new URL(url, "http://localhost").pathname : "";
}

/** The path, or else the host, of an HTTP span that is named by its method alone; undefined for all other spans. */
export function httpTarget({ name, attributes }: Span): string | undefined {
  if (!/^[A-Z]+$/.test(name)) return undefined;
  const path = pathOf(attributes);
  const target = path === "" || path === "/" ? firstOf(attributes, HOST) || path : path;
  return target === "" ? undefined : target;
}

/**
 * Whether a failed call is an expected probe: a client that asks an MCP server for its optional event stream (405), or a server for an optional
 * document below `/.well-known/` (404).
 */
function isExpectedProbe({ kind, attributes }: Span): boolean {
  if (kind !== "CLIENT" || firstOf(attributes, METHOD) !== "GET") return false;
  const status = firstOf(attributes, STATUS);
  return status === "405" || (status === "404" && pathOf(attributes).startsWith("/.well-known/"));
}

/** Whether a span counts as an error: its status is an error, and it is not an expected probe. */
export function isFailure(span: Span): boolean {
  return span.status === "error" && !isExpectedProbe(span);
}
