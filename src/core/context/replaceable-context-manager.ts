import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { registered } from "../telemetry/propagation-status.ts";
import { hasContextManager } from "../telemetry/tracer.ts";

/**
 * Registers a context manager that an SDK which starts later replaces by its own.
 *
 * OpenTelemetry's API accepts one context manager, so an early one would exclude the SDK's. A late one would miss the traces that are started before it. So
 * `setGlobalContextManager` is overridden on the API object until it is called once.
 */
export function registerReplaceableContextManager(): void {
  if (hasContextManager()) return;
  const manager = new AsyncLocalStorageContextManager().enable();
  if (!context.setGlobalContextManager(manager)) return;
  registered.contextManager = manager;
  context.setGlobalContextManager = (other) => {
    Reflect.deleteProperty(context, "setGlobalContextManager");
    context.disable();
    registered.contextManager = undefined;
    return context.setGlobalContextManager(other);
  };
}
