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
  const kept = keepsHidden ? findHidden([...hooks.beforeRequest]) : undefined;
  hooks.beforeRequest = createHookList(hooks.beforeRequest, kept === undefined ? hidden : inOrder([kept, hidden]));
}

/** Hides the hooks of ours that are visible after got has copied the list. */
export function hideCopiedHooks(hooks: BeforeRequestHooks): void {
  const hidden = findHidden(hooks.beforeRequest);
  if (hidden !== undefined) hooks.beforeRequest = createHookList(hooks.beforeRequest, hidden);
}

/** The hidden hooks among others, as one hook; undefined if there are none. */
function findHidden(hooks: readonly BeforeRequestHook[]): BeforeRequestHook | undefined {
  const hidden = hooks.filter((hook) => hook[IS_HIDDEN] === true);
  return hidden.length > 1 ? inOrder(hidden) : hidden[0];
}

function inOrder(hooks: readonly BeforeRequestHook[]): BeforeRequestHook {
  return (options) => {
    for (const hook of hooks) hook(options);
  };
}

function createHookList(hooks: readonly BeforeRequestHook[], hidden: BeforeRequestHook): HookList {
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

  #hidden: BeforeRequestHook | undefined = undefined;

  set hidden(hook: BeforeRequestHook) {
    this.#hidden = hook;
  }

  override *[Symbol.iterator](): ArrayIterator<BeforeRequestHook> {
    for (let i = 0; i < this.length; i++) yield this[i] as BeforeRequestHook;
    if (this.#hidden !== undefined) yield this.#hidden;
  }
}
