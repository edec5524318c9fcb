import type { Row } from "./rows.ts";

/** The actions of the keys of a tree grid (WAI-ARIA Authoring Practices, "Treegrid Pattern") and of the timeline. */
export interface GridActions {
  /** The visible rows. */
  readonly visible: () => readonly Row[];
  readonly isCollapsed: (row: Row) => boolean;
  readonly focus: (row: Row) => void;
  readonly collapse: (row: Row, collapsed: boolean) => void;
  readonly expandSiblings: (row: Row) => void;
  readonly open: (row: Row) => void;
  readonly close: () => void;
  readonly zoom: (factor: number, row: Row) => void;
  readonly showAll: () => void;
}

/** The number of rows that Page Up and Page Down skip. */
const PAGE = 10;

/** @returns whether the key has an action. */
export function pressKey(key: string, row: Row, actions: GridActions): boolean {
  const { visible, isCollapsed, focus, collapse } = actions;
  const step = (by: number): void => {
    const rows = visible();
    const target = rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(row) + by))];
    if (target !== undefined) focus(target);
  };
  const keys: Record<string, () => void> = {
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    PageDown: () => step(PAGE),
    PageUp: () => step(-PAGE),
    Home: () => step(-Infinity),
    End: () => step(Infinity),
    ArrowRight: () => {
      if (row.size === 0) return;
      if (isCollapsed(row)) collapse(row, false);
      else step(1);
    },
    ArrowLeft: () => {
      if (row.size > 0 && !isCollapsed(row)) collapse(row, true);
      else if (row.parent !== undefined) focus(row.parent);
    },
    "*": () => actions.expandSiblings(row),
    Enter: () => actions.open(row),
    " ": () => actions.open(row),
    Escape: () => actions.close(),
    "+": () => actions.zoom(0.5, row),
    "-": () => actions.zoom(2, row),
    "0": () => actions.showAll(),
  };
  const action = Object.hasOwn(keys, key) ? keys[key] : undefined;
  action?.();
  return action !== undefined;
}
