import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Context, ContextManager, SpanContext } from "@opentelemetry/api";

/** The context of this process outside of any other: with the trace that the environment names, or `ROOT_CONTEXT`. */
let processRoot: Context = ROOT_CONTEXT;
let processParent: SpanContext | undefined;

/** Sets the context that {@link withProcessRoot} adds to context managers. */
export function setProcessRoot(root: Context): void {
  processRoot = root;
  processParent = trace.getSpanContext(root);
}

/** Whether a context is the one that a trace of the environment is active in, and nothing else: that of no request. */
export function isProcessRoot(context: Context): boolean {
  return context === processRoot;
}

/** Whether the active span of a context is the one that the environment names, so that any other parent takes precedence over it. */
export function hasProcessParent(context: Context): boolean {
  return processParent !== undefined && trace.getSpanContext(context) === processParent;
}

/** An empty context other than `ROOT_CONTEXT`: the application has left all traces, that of the environment included. */
const LEFT = ROOT_CONTEXT.deleteValue(Symbol("a2a-otel.left"));

/** A context manager like the given one, except that outside of any context the process's root is active; the given one if that is `ROOT_CONTEXT`. */
export function withProcessRoot(manager: ContextManager): ContextManager {
  const root = processRoot;
  if (root === ROOT_CONTEXT) return manager;
  const entered = (context: Context): Context => (context === ROOT_CONTEXT ? LEFT : context);
  const rooted: ContextManager = {
    active() {
      const active = manager.active();
      return active === ROOT_CONTEXT ? root : active;
    },
    with: (context, fn, thisArg, ...args) => manager.with(entered(context), fn, thisArg, ...args),
    bind: (context, target) => manager.bind(entered(context), target),
    enable() {
      manager.enable();
      return rooted;
    },
    disable() {
      manager.disable();
      return rooted;
    },
  };
  return rooted;
}
