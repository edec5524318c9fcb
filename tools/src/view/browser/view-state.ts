import type { Filter } from "./waterfall/visible.ts";
import type { TimeWindow } from "./waterfall/time-window.ts";

/** What the reader has set. It outlives the drawing, which is made anew when spans come in. */
export interface ViewState {
  /** Ids of spans whose children are folded away. */
  readonly collapsed: Set<string>;
  filter: Filter;
  /** `undefined` is the whole trace, however long it gets. */
  window: TimeWindow | undefined;
  /** The row that the keyboard is on. */
  current: string | undefined;
  /** The span whose details are shown. */
  selected: string | undefined;
}

export function newViewState(selected?: string): ViewState {
  return {
    collapsed: new Set(),
    filter: { query: "", errorsOnly: false, hidden: new Set() },
    window: undefined,
    current: selected,
    selected,
  };
}
