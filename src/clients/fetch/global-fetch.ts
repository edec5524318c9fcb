import type { ClientConfig } from "../../core/calls/client-config.ts";
import { GlobalInstrumentation } from "../../core/telemetry/global-instrumentation.ts";
import { sharedState } from "../../core/telemetry/shared-state.ts";
import { makeTracedFetch } from "./traced-fetch.ts";

/** Replaces the global fetch by a traced one. The returned instrumentation restores it when its last installation has been undone. */
export function wrapGlobalFetch(original: typeof globalThis.fetch): GlobalInstrumentation<ClientConfig> {
  const instrumentation = new GlobalInstrumentation<ClientConfig>(() => {
    sharedState.instrumented.delete(fetch);
    sharedState.globalInstrumentations.delete(fetch);
    if (globalThis.fetch === fetch) restore();
  });
  const fetch = makeTracedFetch(original, instrumentation, true);
  const restore = replaceGlobalFetch(fetch);
  sharedState.globalInstrumentations.set(fetch, instrumentation);
  return instrumentation;
}

/** Replaces the global fetch; returns a function that restores the property as it was. */
function replaceGlobalFetch(fetch: typeof globalThis.fetch): () => void {
  const property = Object.getOwnPropertyDescriptor(globalThis, "fetch");
  if (property?.configurable === false) {
    const original = globalThis.fetch;
    globalThis.fetch = fetch;
    return () => (globalThis.fetch = original);
  }
  const enumerable = property?.enumerable ?? true;
  Object.defineProperty(globalThis, "fetch", { configurable: true, enumerable, writable: true, value: fetch });
  return () => {
    if (property === undefined) Reflect.deleteProperty(globalThis, "fetch");
    else Object.defineProperty(globalThis, "fetch", property);
  };
}
