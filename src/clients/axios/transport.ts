// Imported statically: `getBuiltinModule` and `require` would load them through the hooks of an instrumentation that is not registered yet.
import http from "node:http";
import https from "node:https";
import type { AxiosRequestConfig } from "axios";
import { createPatchDetector, isNativeFunction } from "../../core/node/native-function.ts";
import { areRequestsWatched, thirdPartySubscribedFirst } from "../../core/node/undici-channels.ts";
import { isProcessInstrumented } from "../../core/telemetry/global-instrumentation.ts";
import type { Build } from "./build.ts";

/** What sends a request: one of axios's own adapters, or a function of the application's. */
export type TransportKind = "http" | "fetch" | "xhr" | "custom";

/** @param setting what the request has as its adapter: names, functions, or a list of both. */
export function identifyTransport(adapter: unknown, setting: unknown, build: Build): TransportKind {
  const name = (adapter as { adapterName?: unknown }).adapterName;
  if (name === "http" || name === "xhr") return name;
  const isOfApplication = adapter === setting || (Array.isArray(setting) && setting.includes(adapter));
  return !isOfApplication || adapter === build.fetchAdapter() ? "fetch" : "custom";
}

/**
 * Whether tracing is suppressed while the adapter is being called. Other instrumentation starts its span within `http.request`, or in a global fetch that
 * it has replaced. The application's own fetch and adapter must not find tracing suppressed.
 */
export function suppressesAtStart(transport: TransportKind, request: AxiosRequestConfig): boolean {
  if (transport === "http") return true;
  return transport === "fetch" && (request.env?.fetch === undefined || thirdPartySubscribedFirst());
}

/** Whether tracing stays suppressed after the adapter has returned, because the request is made later. */
export function suppressesUntilRequest(transport: TransportKind, { data }: AxiosRequestConfig): boolean {
  // The http adapter first determines the length of a body of the package form-data.
  if (transport === "http") return typeof (data as { getHeaders?: unknown } | null | undefined)?.getHeaders === "function";
  return transport === "fetch" && thirdPartySubscribedFirst();
}

/** Whether other instrumentation may be active below a transport. This check costs less than a change of context. */
export function isInstrumentedBelow(transport: TransportKind): boolean {
  if (transport === "http") return isHttpPatched() || isProcessInstrumented();
  if (transport === "xhr") return false;
  return isFetchPatched() || areRequestsWatched() || (transport === "custom" && isHttpPatched());
}

/** Whether `http.request` or `https.request` is not Node's own function. */
export const isHttpPatched: () => boolean = createPatchDetector(http, https);

const isFetchPatched = createFetchPatchDetector();

/** Returns a function that reports whether the global fetch is not Node's own. Cached, because reading a function's source takes about 0.5 us. */
function createFetchPatchDetector(): () => boolean {
  let checked: unknown;
  let isPatched = false;
  return () => {
    if (globalThis.fetch !== checked) {
      checked = globalThis.fetch;
      isPatched = !isNativeFunction(checked);
    }
    return isPatched;
  };
}
