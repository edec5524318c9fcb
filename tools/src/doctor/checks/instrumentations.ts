import type { Diagnostics } from "a2a-otel/diagnostics";
import type { Findings } from "../findings.ts";
import { tryGet } from "../try-get.ts";
import type { Copies } from "./copies.ts";
import type { Runtime } from "./runtime.ts";

/** The instrumentations of outbound calls, as far as they can be seen from outside. */
export interface Instrumentations {
  /** Whether a2a-otel instruments the global fetch, with whichever copy of the package: by a wrapper of it, or by `instrumentNode()`. */
  readonly ownFetch: boolean;
  /** Whether `instrumentNode()` or `a2a-otel/register` instruments every outbound request. */
  readonly ownNode: boolean;
  /** Whether the global fetch is not the runtime's own. */
  readonly isFetchReplaced: boolean;
  /** Whether other code has replaced the global fetch. */
  readonly otherFetch: boolean;
  /** The number of subscribers to undici's channels other than a2a-otel, such as instrumentation-undici. */
  readonly subscribers: number;
  /** Whether `http.request` is wrapped, as instrumentation-http does it. */
  readonly http: boolean;
  /** The loaded packages that may instrument calls. */
  readonly packages: readonly string[];
  /** The loaded entry points of a2a-otel for other clients: axios, got, undici. */
  readonly adapters: readonly string[];
}

const TRACERS =
  /^(?:@opentelemetry\/instrumentation-(?:undici|http|fetch)|@opentelemetry\/auto-instrumentations-node|opentelemetry-instrumentation-fetch-node|@vercel\/otel|@sentry\/(?:node|node-core|bun|deno|cloudflare|opentelemetry)|dd-trace|newrelic|elastic-apm-node|@elastic\/opentelemetry-node|applicationinsights|@azure\/monitor-opentelemetry|@microlabs\/otel-cf-workers)$/;

/** @param files the files that the process has loaded, if they can be listed. */
export function findInstrumentations(
  { isFetchInstrumented, isNodeInstrumented, otherUndiciSubscribers }: Diagnostics,
  runtime: Runtime,
  copies: Copies,
  files: readonly string[] | undefined,
): Instrumentations {
  const { library, loaded } = copies;
  const roots = library.map(({ directory }) => directory);
  const adapters = (files ?? [])
    .filter((file) => roots.some((root) => file.startsWith(root)))
    .map((file) => /[\\/](?:dist|src)[\\/](axios|got|undici)\.[jt]s$/.exec(file)?.[1])
    .filter((name) => name !== undefined);
  const tracers = [...(loaded ?? [])].filter(([name]) => TRACERS.test(name)).map((copy) => copy.join(" "));
  return {
    ownFetch: isFetchInstrumented || isNodeInstrumented,
    ownNode: isNodeInstrumented,
    isFetchReplaced: isFetchReplaced(runtime),
    otherFetch: !isFetchInstrumented && isFetchReplaced(runtime),
    subscribers: otherUndiciSubscribers,
    http: tryGet(() => (process.getBuiltinModule("node:http").request as { __wrapped?: unknown }).__wrapped) === true,
    packages: [...tracers, ...tracersByGlobals().filter((name) => tracers.every((tracer) => !tracer.includes(name)))],
    adapters: [...new Set(adapters)],
  };
}

/** Tracers that can be recognised by a global variable, also in a bundle, where no package name is known. */
function tracersByGlobals(): string[] {
  const global = globalThis as unknown as Record<string | symbol, unknown>;
  const values = { "dd-trace": global[Symbol.for("dd-trace")], sentry: global["__SENTRY__"] };
  return Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [name]));
}

/** The source of Node's own fetch mentions undici; a native function of another platform shows no source. */
function isFetchReplaced(runtime: Runtime): boolean {
  const { fetch } = globalThis;
  if (typeof fetch !== "function") return false;
  const source = Function.prototype.toString.call(fetch);
  return !source.includes("[native code]") && !(runtime.name === "node" && source.includes("undici")) && runtime.name !== "deno";
}

/** Lists the other instrumentations. The round trip shows whether they conflict with a2a-otel. */
export function checkInstrumentations(
  findings: Findings,
  { ownNode, subscribers, http, otherFetch, packages, adapters }: Instrumentations,
): void {
  const found = [
    ...(subscribers === 1 ? ["a subscriber to undici's channels, such as instrumentation-undici"] : []),
    ...(subscribers > 1 ? [`${subscribers} subscribers to undici's channels, such as instrumentation-undici`] : []),
    ...(http ? ["a wrapper of http.request, such as instrumentation-http"] : []),
    ...(otherFetch ? ["a wrapper of the global fetch"] : []),
  ];
  const sentences = [
    ...(ownNode ? ["instrumentNode() of a2a-otel covers every outbound request of this process."] : []),
    found.length === 0
      ? "No other instrumentation of outbound calls was found."
      : `Other instrumentations of outbound calls were found: ${found.join("; ")}.`,
    ...(packages.length === 0 ? [] : [`Loaded packages: ${packages.join(", ")}.`]),
    ...(adapters.length === 0
      ? []
      : [`The entry points of a2a-otel for ${adapters.join(", ")} are loaded; it is unknown which instances they trace.`]),
  ];
  findings.ok("instrumentations", sentences.join(" "));
}
