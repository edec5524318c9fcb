import type { Options } from "got";

/** A `beforeRequest` hook, as this package uses it. */
export interface BeforeRequestHook {
  (options: Options): void;
  [IS_HIDDEN]?: true;
}

// A registered symbol, so that all copies of this package recognise it. It is set on the function because each request has a hook of its own.
const IS_HIDDEN: unique symbol = Symbol.for("a2a-otel.hook") as never;

/** The `beforeRequest` hooks of a request. */
export interface BeforeRequestHooks {
  beforeRequest: BeforeRequestHook[];
}

/**
 * Adds a hook to the end of a request's hooks that only the iterator of the list returns. In all its versions got runs hooks, and copies lists of them, by
 * iteration. The application receives the options in its hooks and callbacks, and finds only its own hooks in the list.
 *
 * @param keepsHidden whether hidden hooks that are there already are kept; otherwise they are those of an earlier call whose options are used again.
 */
export function addHiddenHook(hooks: BeforeRequestHooks, hidden: BeforeRequestHook, keepsHidden: boolean): void {
  hidden[IS_HIDDEN] = true;
  const { beforeRequest } = hooks;
  const kept = keepsHidden ? [...beforeRequest].filter((hook) => hook[IS_HIDDEN] === true) : undefined;
  hooks.beforeRequest = createHookList(beforeRequest, kept === undefined ? [hidden] : [...kept, hidden]);
}

/** Hides the hooks of this package that are visible after got has copied the list. */
export function hideCopiedHooks(hooks: BeforeRequestHooks): void {
  const { beforeRequest } = hooks;
  const hidden = beforeRequest.filter((hook) => hook[IS_HIDDEN] === true);
  if (hidden.length > 0) hooks.beforeRequest = createHookList(beforeRequest, hidden);
}

function createHookList(hooks: readonly BeforeRequestHook[], hidden: readonly BeforeRequestHook[]): HookList {
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

  #hidden: readonly BeforeRequestHook[] = [];

  set hidden(hooks: readonly BeforeRequestHook[]) {
    this.#hidden = hooks;
  }

  override *[Symbol.iterator](): ArrayIterator<BeforeRequestHook> {
    for (let i = 0; i < this.length; i++) yield this[i] as BeforeRequestHook;
    for (let i = 0; i < this.#hidden.length; i++) yield this.#hidden[i] as BeforeRequestHook;
  }
}
