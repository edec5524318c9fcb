import type * as ApiModule from "@opentelemetry/api";
import type { injectTraceContext } from "a2a-otel";
import type { getDiagnostics, redactText } from "a2a-otel/diagnostics";
import type { wrapFetch } from "a2a-otel/fetch";
import type { traceRequests } from "a2a-otel/server/node";
import { tryGet } from "./try-get.ts";

/** `@opentelemetry/api`, as a namespace. */
export type Api = typeof ApiModule;

/**
 * The copies of a2a-otel and of OpenTelemetry's API through which a process is examined. The checks receive them as an argument and import only
 * their types.
 */
export interface AppModules {
  readonly api: Api;
  readonly getDiagnostics: typeof getDiagnostics;
  readonly redactText: typeof redactText;
  readonly injectTraceContext: typeof injectTraceContext;
  readonly wrapFetch: typeof wrapFetch;
  readonly traceRequests: typeof traceRequests;
  /** The URL of a file of this copy of a2a-otel. */
  readonly location: string;
}

/**
 * Loads the copies that the application uses, because another copy of the API may not see what the application has registered.
 *
 * @param entry the application's first file.
 * @returns undefined if the application has no copy of a2a-otel with `a2a-otel/diagnostics`.
 */
export async function loadAppModules(entry: string): Promise<AppModules | undefined> {
  const { createRequire } = process.getBuiltinModule("node:module");
  const { pathToFileURL } = process.getBuiltinModule("node:url");
  const locate = (name: string, from: string): string => pathToFileURL(createRequire(from).resolve(name)).href;
  const location = tryGet(() => locate("a2a-otel/diagnostics", entry));
  if (location === undefined) return undefined;
  try {
    const load = async <Module>(url: string): Promise<Module> => (await import(url)) as Module;
    const api = await load<Api>(locate("@opentelemetry/api", location));
    const diagnostics = await load<Pick<AppModules, "getDiagnostics" | "redactText">>(location);
    const { injectTraceContext } = await load<Pick<AppModules, "injectTraceContext">>(locate("a2a-otel", entry));
    const { wrapFetch } = await load<Pick<AppModules, "wrapFetch">>(locate("a2a-otel/fetch", entry));
    const { traceRequests } = await load<Pick<AppModules, "traceRequests">>(locate("a2a-otel/server/node", entry));
    const { getDiagnostics, redactText } = diagnostics;
    return { api, getDiagnostics, redactText, injectTraceContext, wrapFetch, traceRequests, location };
  } catch {
    return undefined;
  }
}
