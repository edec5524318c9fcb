/**
 * The state that all copies of this package in a process share: two copies must not instrument the same function twice, and must recognise each
 * other's calls. It is one object with a version in its key: copies whose state differs in shape do not share it.
 */
interface SharedState {
  /** Functions and instances that are instrumented. A set and no property on them, because other wrappers copy own properties. */
  readonly instrumented: WeakSet<object>;
  /** SERVER spans that a protocol above HTTP has named (A2A, by its method): a matched route is recorded on them but does not rename them. */
  readonly namedSpans: WeakSet<object>;
  /** The outbound calls in progress that can be recognised by a header (`core/calls/active-calls.ts`). */
  readonly activeCalls: unknown[];
  /** The options of what protocol layers have wrapped, by the value that they returned (`core/telemetry/wrapped.ts`). */
  readonly wrapperOptions: WeakMap<object, object>;
  /** What endpoints of protocols above HTTP use requests for, by host and port (`core/http/endpoints.ts`). */
  readonly endpoints: Map<string, Set<unknown>>;
  /** How a global function was instrumented, by the function that replaced it (`core/telemetry/global-instrumentation.ts`). */
  readonly globalInstrumentations: WeakMap<object, unknown>;
  /** How the whole process is instrumented, for which no function is replaced; undefined if it is not. */
  processInstrumentation: unknown;
}

/** Part of the key of everything that copies of this package share; incremented when the shape of what is shared changes. */
const STATE_VERSION = 1;

/** A symbol that is the same in all copies of this package that share their state. */
export function sharedSymbol(name: string): symbol {
  return Symbol.for(`a2a-otel.${name}.v${STATE_VERSION}`);
}

const KEY = sharedSymbol("state");
const { [KEY]: existing } = globalThis as { [KEY]?: SharedState };

export const sharedState: SharedState = existing ?? {
  instrumented: new WeakSet(),
  namedSpans: new WeakSet(),
  activeCalls: [],
  wrapperOptions: new WeakMap(),
  endpoints: new Map(),
  globalInstrumentations: new WeakMap(),
  processInstrumentation: undefined,
};

if (existing === undefined) Object.defineProperty(globalThis, KEY, { value: sharedState });
