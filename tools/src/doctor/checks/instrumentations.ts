import type { Diagnostics } from "a2a-otel/diagnostics";
import type { Copies } from "./copies.ts";
import { tryGet } from "../try-get.ts";
import type { Findings } from "../findings.ts";
import type { Runtime } from "./runtime.ts";

/** Who else has a hand in outbound calls, as far as that can be seen from outside. */
export interface Instrumentations {
  /** Whether the global fetch is a wrapper of ours, by whichever copy of the package. */
  readonly ownFetch: boolean;
  /** Whether somebody else has replaced the global fetch, beneath ours or above. */
  readonly foreignFetch: boolean;
  /** Subscribers to undici's channels that are not ours: instrumentation-undici is one. */
  readonly subscribers: number;
  /** Whether `http.request` is wrapped, as instrumentation-http does it. */
  readonly http: boolean;
  /** Packages that are loaded and that may instrument calls. */
  readonly packages: readonly string[];
  /** Entry points of ours for other clients that are loaded: axios, got, undici. */
  readonly adapters: readonly string[];
}

const TRACERS =
  /^(?:@opentelemetry\/instrumentation-(?:undici|http|fetch)|@opentelemetry\/auto-instrumentations-node|opentelemetry-instrumentation-fetch-node|@vercel\/otel|@sentry\/(?:node|node-core|bun|deno|cloudflare|opentelemetry)|dd-trace|newrelic|elastic-apm-node|@elastic\/opentelemetry-node|applicationinsights|@azure\/monitor-opentelemetry|@microlabs\/otel-cf-workers)$/;

/** @param files those that the process runs, if that can be seen. */
export function findInstrumentations(
  { isFetchInstrumented, otherUndiciSubscribers }: Diagnostics,
  runtime: Runtime,
  copies: Copies,
  files: readonly string[] | undefined,
): Instrumentations {
  const { own, loaded } = copies;
  const roots = own.map(({ directory }) => directory);
  const adapters = (files ?? [])
    .map((file) => roots.some((root) => file.startsWith(root)) && /[\\/](?:dist|src)[\\/](axios|got|undici)\.[jt]s$/.exec(file))
    .map((match) => (match === null || match === false ? undefined : match[1]));
  const tracers = [...(loaded ?? [])].filter(([name]) => TRACERS.test(name)).map((copy) => copy.join(" "));
  return {
    ownFetch: isFetchInstrumented,
    foreignFetch: !isFetchInstrumented && isForeignFetch(runtime),
    subscribers: otherUndiciSubscribers,
    http: tryGet(() => (process.getBuiltinModule("node:http").request as { __wrapped?: unknown }).__wrapped) === true,
    packages: [...tracers, ...marks().filter((name) => tracers.every((tracer) => !tracer.includes(name)))],
    adapters: [...new Set(adapters.filter((name) => name !== undefined))],
  };
}

/** Tracers that leave something of theirs in the global scope: from a bundle they are not loaded by a name. */
function marks(): string[] {
  const global = globalThis as unknown as Record<string | symbol, unknown>;
  const left = { "dd-trace": global[Symbol.for("dd-trace")], sentry: global["__SENTRY__"] };
  return Object.entries(left).flatMap(([name, mark]) => (mark === undefined ? [] : [name]));
}

/** Node's own fetch loads undici when it is called first, and its source says so; a platform's native one shows no source. */
function isForeignFetch(runtime: Runtime): boolean {
  const { fetch } = globalThis;
  if (typeof fetch !== "function") return false;
  const source = Function.prototype.toString.call(fetch);
  return !source.includes("[native code]") && !(runtime.name === "node" && source.includes("undici")) && runtime.name !== "deno";
}

/** Says who else is there; whether they get in each other's way only the round trip can tell. */
export function checkInstrumentations(
  findings: Findings,
  { subscribers, http, foreignFetch, packages, adapters }: Instrumentations,
): void {
  const who = [
    ...(subscribers === 1 ? ["a subscriber to undici's channels, as instrumentation-undici is"] : []),
    ...(subscribers > 1 ? [`${subscribers} subscribers to undici's channels, as instrumentation-undici is one`] : []),
    ...(http ? ["a wrapper of http.request, as instrumentation-http puts one"] : []),
    ...(foreignFetch ? ["a wrapper of the global fetch"] : []),
  ];
  const there = who.length === 0 ? "No other instrumentation is seen" : `Beside a2a-otel there is somebody`;
  const list = who.length === 0 ? "" : `: ${who.join("; ")}`;
  const loaded = packages.length === 0 ? "" : ` Loaded: ${packages.join(", ")}.`;
  const also =
    adapters.length === 0
      ? ""
      : ` a2a-otel's entry points for ${adapters.join(", ")} are loaded; which instances they trace cannot be seen from here.`;
  findings.ok("instrumentations", `${there} at work on outbound calls${list}.${loaded}${also}`);
}
