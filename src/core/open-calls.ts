/** A call that is under way, as other wrappers find it by the `traceparent` that it has put on its request. */
export interface OpenCall {
  readonly id: string | undefined;
}

const KEY = Symbol.for("a2a-otel.calls");

/**
 * The calls under way, by the `traceparent` that each has issued. All copies of this package share it: an inner wrapper stands aside for a
 * request that carries the `traceparent` of an open call, whoever opened it.
 */
export const openCalls: Map<string, OpenCall> = ((globalThis as Record<symbol, unknown>)[KEY] ??= new Map()) as Map<
  string,
  OpenCall
>;
