import * as api from "@opentelemetry/api";
import { injectTraceContext } from "a2a-otel";
import { getDiagnostics, redactText } from "a2a-otel/diagnostics";
import { wrapFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/node";
import type { AppModules } from "./app-modules.ts";
import { tryGet } from "./try-get.ts";

/** The copies that this package itself resolves. They are the application's if this package is installed in the application. */
export const ownModules: AppModules = {
  api,
  getDiagnostics,
  redactText,
  injectTraceContext,
  wrapFetch,
  traceRequests,
  location: locateLibrary(),
};

/** In a bundle the library has no file of its own; the bundle's URL is used then. */
function locateLibrary(): string {
  const file = tryGet(() =>
    process
      .getBuiltinModule("node:module")
      .createRequire(import.meta.url)
      .resolve("a2a-otel/diagnostics"),
  );
  return file === undefined ? import.meta.url : process.getBuiltinModule("node:url").pathToFileURL(file).href;
}
