import type { Filter } from "./waterfall/visible.ts";
import type { TimeWindow } from "./waterfall/time-window.ts";

/** The user's settings. They are kept when the view is redrawn because spans were received. */
export interface ViewState {
  /** The ids of spans whose children are hidden. */
  readonly collapsed: Set<string>;
  filter: Filter;
  /** `undefined` is the whole trace, also if it grows. */
  window: TimeWindow | undefined;
  /** The row that has the focus. */
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
