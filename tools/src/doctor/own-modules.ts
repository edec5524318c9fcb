import * as api from "@opentelemetry/api";
import { getDiagnostics, redactText } from "a2a-otel/diagnostics";
import { wrapFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/node";
import type { AppModules } from "./app-modules.ts";
import { tryGet } from "./try-get.ts";

/** The copies that this package itself finds: the application's, if this package is one of the application's dependencies. */
export const ownModules: AppModules = { api, getDiagnostics, redactText, wrapFetch, traceRequests, location: locateLibrary() };

/** In a bundle there is no file to find. */
function locateLibrary(): string {
  const found = tryGet(() =>
    process
      .getBuiltinModule("node:module")
      .createRequire(import.meta.url)
      .resolve("a2a-otel/diagnostics"),
  );
  return found === undefined ? import.meta.url : process.getBuiltinModule("node:url").pathToFileURL(found).href;
}
