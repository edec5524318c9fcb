import { context } from "@opentelemetry/api";
import type { ServerCall } from "../../core/calls/server-call.ts";

type Emit = (event: string | symbol, ...args: unknown[]) => boolean;

interface Emitter {
  emit: Emit;
  /** Only of readable streams. */
  readonly readableEnded?: boolean;
  listenerCount(event: string | symbol): number;
}

/** Observes the events of an emitter from before their listeners are called until after. */
export interface ListenerObserver {
  beforeListeners(event: string | symbol): void;
  /** @param isHandled whether the event had listeners; true also if one of them has thrown. */
  afterListeners(event: string | symbol, isHandled: boolean): void;
}

/**
 * Runs an emitter's listeners in the call's context, unless an event is emitted in a context that is derived from it.
 *
 * @param observer none if undefined.
 */
export function emitInContext(call: ServerCall, emitter: Emitter, observer: ListenerObserver | undefined): void {
  const { emit } = emitter;
  const emitWithContext: Emit = function (this: Emitter, ...args) {
    const [event] = args;
    // No event follows "close", except the "end" of a request of node:http2. Without the reference to the call, a closed emitter that is
    // still in the young generation does not slow down its collections.
    const isLast = event === "close" && emitter.readableEnded !== false;
    if (isLast && emitter.emit === emitWithContext) emitter.emit = emit;
    if (observer === undefined) return callListeners(call, this, emit, args);
    observer.beforeListeners(event);
    let isHandled = true;
    try {
      return (isHandled = callListeners(call, this, emit, args));
    } finally {
      observer.afterListeners(event, isHandled);
    }
  };
  emitter.emit = emitWithContext;
}

function callListeners(call: ServerCall, emitter: Emitter, emit: Emit, args: Parameters<Emit>): boolean {
  // Most events have no listener, and activating a context costs more than such an event.
  const isHeard = emitter.listenerCount(args[0]) > 0;
  if (!isHeard || call.owns(context.active())) return Reflect.apply(emit, emitter, args);
  return context.with(call.context, emit, emitter, ...args);
}
