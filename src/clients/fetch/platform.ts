/** Whether a function is Node's own fetch, and not a wrapper around it. */
export function isNodeFetch(fetch: typeof globalThis.fetch): boolean {
  return /\binternal\/deps\/undici\b/.test(Function.prototype.toString.call(fetch));
}

/** Whether a body is sent by the application's own code: a stream or a generator. */
export function isSentByApplication(body: unknown): boolean {
  return typeof body === "object" && body !== null && !ArrayBuffer.isView(body);
}

const NODE_DISPATCHER = Symbol.for("undici.globalDispatcher.1");
/** Where undici 8 keeps its global dispatcher. */
const UNDICI_8_DISPATCHER = Symbol.for("undici.globalDispatcher.2");

interface GlobalDispatchers {
  [NODE_DISPATCHER]?: object;
  [UNDICI_8_DISPATCHER]?: object;
}

/** Whether undici's global dispatchers are those that undici puts there itself, without interceptors of the application. */
export function isGlobalDispatcherNative(): boolean {
  const { [NODE_DISPATCHER]: node, [UNDICI_8_DISPATCHER]: undici8 } = globalThis as GlobalDispatchers;
  return isNativeDispatcher(node) && isNativeDispatcher(undici8);
}

// A `Dispatcher1Wrapper` is how undici 8 presents its dispatcher to a Node with an older undici.
const NATIVE_CLASSES: ReadonlySet<string> = new Set(["Agent", "Dispatcher1Wrapper"]);

function isNativeDispatcher(dispatcher: object | undefined): boolean {
  if (dispatcher === undefined) return true;
  try {
    const { dispatch, constructor } = dispatcher as {
      dispatch?: unknown;
      constructor: { name: string; prototype: { dispatch?: unknown } };
    };
    // A composed dispatcher has the class of an Agent too, but not its method.
    return NATIVE_CLASSES.has(constructor.name) && dispatch === constructor.prototype.dispatch;
  } catch {
    return false;
  }
}
