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

// What a request asks for, by the conventions of A2A, MCP and GenAI.
const OPERATIONS = ["a2a.method.name", "mcp.method.name", "gen_ai.tool.name", "gen_ai.prompt.name"];

/**
 * What a span's name does not say: the A2A method, the MCP method or the tool, and for an HTTP span that is named by its method alone otherwise the
 * path, or else the host.
 */
export function targetOf({ name, attributes }: Span): string | undefined {
  const words = name.split(" ");
  const operation = OPERATIONS.map((key) => firstOf(attributes, [key])).filter((word) => word !== "" && !words.includes(word));
  if (operation.length > 0) return operation.join(" ");
  if (!/^(?:HTTP )?[A-Z]+$/.test(name)) return undefined;
  const path = pathOf(attributes);
  const target = path === "" || path === "/" ? hostOf(attributes) || path : path;
  return target === "" ? undefined : target;
}

/** The host that a span calls, with its port if that is unusual. */
export function hostOf(attributes: Attributes): string {
  const host = firstOf(attributes, HOST);
  const port = attributes["server.port"];
  return host === "" || typeof port !== "number" || port === 80 || port === 443 ? host : `${host}:${port}`;
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

const CONTENT_TYPE = "http.response.header.content-type";

/**
 * Whether a call is a standing event stream, for whose end no code waits: it is declared as one, or it is the GET request that an MCP client keeps open
 * to the address of its POST requests.
 */
export function isStandingStream({ attributes }: Span, others: readonly Span[]): boolean {
  if (firstOf(attributes, METHOD) !== "GET") return false;
  if (JSON.stringify(attributes[CONTENT_TYPE] ?? "").includes("text/event-stream")) return true;
  const address = (of: Attributes): string => hostOf(of) + pathOf(of);
  return (
    pathOf(attributes) !== "" &&
    others.some((other) => firstOf(other.attributes, METHOD) === "POST" && address(other.attributes) === address(attributes))
  );
}
