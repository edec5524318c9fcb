/**
 * When code of others may run beneath a global fetch and so must find the call's context. To change the context costs more than all else here, and
 * where only the platform's own code runs nobody can tell.
 */

/** Whether a function is Node's own fetch, and no wrapper of somebody's. */
export function isNodeFetch(fetch: typeof globalThis.fetch): boolean {
  return /\binternal\/deps\/undici\b/.test(Function.prototype.toString.call(fetch));
}

/** Whether a body is sent by code of the application's: a stream, a generator. */
export function isSentByApplication(body: unknown): boolean {
  return typeof body === "object" && body !== null && !ArrayBuffer.isView(body);
}

interface GlobalDispatchers {
  [OF_NODE]?: object;
  [OF_UNDICI_8]?: object;
}

const OF_NODE = Symbol.for("undici.globalDispatcher.1");
const OF_UNDICI_8 = Symbol.for("undici.globalDispatcher.2");

let lastOfNode: object | undefined;
let lastOfUndici8: object | undefined;
let lastAnswer = true;

/** Whether undici's global dispatcher is what undici itself puts there, without interceptors of the application's. */
export function isGlobalDispatcherOwn(): boolean {
  const { [OF_NODE]: ofNode, [OF_UNDICI_8]: ofUndici8 } = globalThis as GlobalDispatchers;
  if (ofNode !== lastOfNode || ofUndici8 !== lastOfUndici8) {
    lastOfNode = ofNode;
    lastOfUndici8 = ofUndici8;
    lastAnswer = isOwn(ofNode) && isOwn(ofUndici8);
  }
  return lastAnswer;
}

// The latter is how undici 8 shows its dispatcher to a Node that has an older one.
const OWN = /^(?:Agent|Dispatcher1Wrapper)$/;

function isOwn(dispatcher: object | undefined): boolean {
  if (dispatcher === undefined) return true;
  try {
    const { dispatch, constructor } = dispatcher as {
      dispatch?: unknown;
      constructor: { name: string; prototype: { dispatch?: unknown } };
    };
    // One that was composed says that it is an Agent, too, but not with an Agent's method.
    return OWN.test(constructor.name) && dispatch === constructor.prototype.dispatch;
  } catch {
    return false;
  }
}
