const KEY = Symbol.for("a2a-otel.wrapped");

/**
 * The functions and instances that are instrumented, by whichever copy of this package. A set beside them and no property on them, since
 * other wrappers copy own properties.
 */
export const wrapped: WeakSet<object> = ((globalThis as Record<symbol, unknown>)[KEY] ??= new WeakSet()) as WeakSet<object>;
