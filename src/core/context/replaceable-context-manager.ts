import { context } from "@opentelemetry/api";
import type { ContextManager } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { registered } from "../telemetry/propagation-status.ts";
import { hasContextManager } from "../telemetry/tracer.ts";
import { withProcessRoot } from "./process-root.ts";

/**
 * Registers a context manager that an SDK which starts later replaces by its own. Outside of any context, the process's root is active
 * (`setProcessRoot()`), also with the SDK's context manager and with one that is registered already.
 *
 * OpenTelemetry's API accepts one context manager, so an early one would exclude the SDK's. A late one would miss the traces that are started before it. So
 * `setGlobalContextManager` is overridden on the API object until it is called once.
 */
export function registerReplaceableContextManager(): void {
  if (hasContextManager()) {
    addProcessRoot();
    return;
  }
  const manager = withProcessRoot(new AsyncLocalStorageContextManager().enable());
  if (!context.setGlobalContextManager(manager)) return;
  registered.contextManager = manager;
  context.setGlobalContextManager = (other) => {
    Reflect.deleteProperty(context, "setGlobalContextManager");
    context.disable();
    registered.contextManager = undefined;
    return context.setGlobalContextManager(withProcessRoot(other));
  };
}

const API_KEY = Symbol.for("opentelemetry.js.api.1");

/** Adds the process's root to the context manager that is registered, which OpenTelemetry's API keeps in a global object. */
function addProcessRoot(): void {
  const manager = (globalThis as { [API_KEY]?: { context?: ContextManager } })[API_KEY]?.context;
  if (manager === undefined) return;
  const rooted = withProcessRoot(manager);
  if (rooted === manager) return;
  context.disable();
  context.setGlobalContextManager(rooted.enable());
}
