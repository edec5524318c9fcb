import type { Span } from "@opentelemetry/api";
import type { getDiagnostics } from "a2a-otel/diagnostics";
import type { OutgoingHttpHeaders } from "node:http";
import type { VisibleSpan } from "./checks/sdk.ts";
import { tryGet } from "./try-get.ts";

/** The requests that one kind of client has sent to a host. */
export interface OutboundHost {
  /** With its port, if that is not the scheme's default. */
  readonly host: string;
  readonly client: "fetch" | "undici" | "node:http";
  readonly requests: number;
  /** How many of them carried no trace context and have no CLIENT span of a2a-otel. */
  readonly untraced: number;
}

/** What was seen while the application started. */
export interface Observations {
  readonly outbound: readonly OutboundHost[];
  /** For each instance of fastify, the names of its plugins in the order in which they run. */
  readonly fastify: readonly (readonly string[])[];
}

interface Request {
  readonly host: string;
  readonly client: OutboundHost["client"];
  readonly path: string;
  readonly isTraced: () => boolean;
}

/** Further requests are not examined. */
const MAX_REQUESTS = 1000;

/** The paths to which telemetry is sent, which must not be traced: OTLP, Zipkin, Sentry, OpenAI's traces, LangSmith, Langfuse. */
const TELEMETRY =
  /\/v1\/(?:traces|metrics|logs)$|\/api\/v2\/spans$|\/envelope\/$|\/v1\/traces\/ingest$|\/runs\/(?:batch|multipart)$|\/api\/public\/ingestion$/;

/**
 * Observes the application from its start, by the diagnostics channels of Node, undici and fastify. It changes nothing, and imports no module, because
 * the application's instrumentations must patch modules before they are used.
 *
 * @param entry the application's first file.
 * @returns a function that ends the observation.
 */
export function observeApp(entry: string): () => Observations {
  const channels = process.getBuiltinModule("node:diagnostics_channel");
  const requests: Request[] = [];
  const instances: { printPlugins?: () => string }[] = [];
  const hasCall = callFinder(entry);
  const add = (read: () => Request): void => {
    const request = requests.length < MAX_REQUESTS ? tryGet(read) : undefined;
    if (request !== undefined && !TELEMETRY.test(request.path)) requests.push(request);
  };
  const listeners: Record<string, (message: unknown) => void> = {
    "undici:client:sendHeaders": (message) => add(() => fromUndici(message as UndiciMessage, hasCall)),
    "http.client.request.start": (message) => add(() => fromHttp(message as HttpMessage, hasCall)),
    "fastify.initialization": (message) => instances.push((message as { fastify: object }).fastify),
  };
  for (const [name, listener] of Object.entries(listeners)) channels.subscribe(name, listener);
  return () => {
    for (const [name, listener] of Object.entries(listeners)) channels.unsubscribe(name, listener);
    const groups = Map.groupBy(requests, ({ host, client }) => `${client} ${host}`);
    const outbound = [...groups.values()].map((group): OutboundHost => {
      const [{ host, client }] = group as [Request];
      return { host, client, requests: group.length, untraced: group.filter((request) => !request.isTraced()).length };
    });
    return { outbound, fastify: instances.map((instance) => tryGet(() => pluginNames(instance.printPlugins?.() ?? "")) ?? []) };
  };
}

type CallFinder = (host: string) => boolean;

/**
 * Finds out whether a2a-otel has a call to a host in progress, which it may have without sending a header, because of a policy. The application's
 * copy is used as soon as the application has loaded one.
 */
function callFinder(entry: string): CallFinder {
  let diagnostics: { getDiagnostics: typeof getDiagnostics } | undefined;
  return (host) => {
    const isLoaded = Object.getOwnPropertySymbols(globalThis).some((symbol) => symbol.description?.startsWith("a2a-otel.state"));
    if (!isLoaded) return false;
    const { createRequire } = process.getBuiltinModule("node:module");
    diagnostics ??= tryGet(() => createRequire(entry)("a2a-otel/diagnostics") as { getDiagnostics: typeof getDiagnostics });
    return diagnostics?.getDiagnostics().activeCalls.some(({ span }) => span !== undefined && isTo(span, host)) === true;
  };
}

function isTo(span: Span, host: string): boolean {
  const { attributes = {} } = span as Span & VisibleSpan & { attributes?: Record<string, unknown> };
  const address = String(attributes["server.address"]);
  return host === address || host === `${address}:${String(attributes["server.port"])}`;
}

interface UndiciMessage {
  readonly request: { readonly origin?: string | URL; readonly path: string };
  /** The head of the request as it is sent. */
  readonly headers: string | object;
}

function fromUndici({ request, headers }: UndiciMessage, hasCall: CallFinder): Request {
  const head = typeof headers === "string" ? headers : JSON.stringify(headers);
  const { host } = new URL(String(request.origin));
  const isTraced = /(?:^|\n|")traceparent\b/i.test(head) || hasCall(host);
  return {
    host,
    client: /\bsec-fetch-mode\b/i.test(head) ? "fetch" : "undici",
    path: request.path.replace(/\?.*/s, ""),
    isTraced: () => isTraced,
  };
}

interface HttpMessage {
  readonly request: {
    readonly protocol: string;
    readonly host: string;
    readonly path: string;
    readonly agent?: { readonly defaultPort?: number };
    getHeaders(): OutgoingHttpHeaders;
  };
}

function fromHttp({ request }: HttpMessage, hasCall: CallFinder): Request {
  const { traceparent, host = request.host } = request.getHeaders();
  const url = new URL(`${request.protocol}//${host}`);
  const isTraced = traceparent !== undefined || hasCall(url.host);
  return {
    host: url.host,
    client: "node:http",
    path: request.path.replace(/\?.*/s, ""),
    // Instrumentation may add the header after this listener. If the headers were given as an array, they can only be seen as text.
    isTraced: () => isTraced || request.getHeaders()["traceparent"] !== undefined || /\ntraceparent:/i.test(sentHead(request)),
  };
}

function sentHead(request: object): string {
  const { _header: head } = request as { readonly _header?: unknown };
  return typeof head === "string" ? head : "";
}

/** The names of the plugins in fastify's drawing of them, for example `├─┬ @fastify/otel 1 ms`. */
function pluginNames(drawing: string): string[] {
  return [...drawing.matchAll(/[├└]─[┬─] (\S+)/g)].map(([, name = ""]) => name);
}
