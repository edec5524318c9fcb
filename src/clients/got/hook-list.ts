import type { Options } from "got";

/** A `beforeRequest` hook, as this package uses it. */
export interface BeforeRequestHook {
  (options: Options): void;
  [IS_HIDDEN]?: true;
}

// A registered symbol, so that all copies of this package recognise it. It is set on the function because each request has a hook of its own.
const IS_HIDDEN: unique symbol = Symbol.for("a2a-otel.hook") as never;

/**
 * Returns a copy of a list of hooks whose iterator also returns `hidden`, as the last one. In all its versions got runs hooks, and copies lists of them, by
 * iteration. The application receives the options in its hooks and callbacks, and finds only its own hooks in the list.
 *
 * @param hooks may contain a hidden hook: that of a list which got has copied, or of an earlier call whose options the application uses again.
 */
export function listWithHiddenHook(hooks: readonly BeforeRequestHook[], hidden: BeforeRequestHook): BeforeRequestHook[] {
  hidden[IS_HIDDEN] = true;
  const list = new HookList();
  for (let i = 0; i < hooks.length; i++) {
    const hook = hooks[i] as BeforeRequestHook;
    if (hook[IS_HIDDEN] !== true) list.push(hook);
  }
  list.hidden = hidden;
  return list;
}

// A class: if an array has an iterator of its own, V8 iterates over all arrays of the process ten times more slowly.
class HookList extends Array<BeforeRequestHook> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  #hidden: BeforeRequestHook | undefined;

  set hidden(hook: BeforeRequestHook) {
    this.#hidden = hook;
  }

  override *[Symbol.iterator](): ArrayIterator<BeforeRequestHook> {
    for (let i = 0; i < this.length; i++) yield this[i] as BeforeRequestHook;
    if (this.#hidden !== undefined) yield this.#hidden;
  }
}
