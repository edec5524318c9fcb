const KEY = Symbol.for("a2a-otel.named-spans");

/**
 * SERVER spans that a protocol on top of HTTP has named (by its method, as A2A does): the route that a framework matches is recorded, but
 * does not name them anew. All copies of this package share it.
 */
export const namedSpans: WeakSet<object> = ((globalThis as Record<symbol, unknown>)[KEY] ??= new WeakSet()) as WeakSet<object>;
