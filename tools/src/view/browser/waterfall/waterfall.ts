import type { TraceModel } from "../../model/model.ts";
import { announce, el } from "../dom/elements.ts";
import { createFilterBar } from "./filter-bar.ts";
import { many } from "../dom/format.ts";
import { pressKey } from "./keyboard.ts";
import type { GridActions } from "./keyboard.ts";
import { createOverview } from "./overview.ts";
import { createRows } from "./rows.ts";
import type { Row } from "./rows.ts";
import { createTimeline } from "./timeline.ts";
import type { ViewState } from "../view-state.ts";
import { findMatches, isFiltering, showRows } from "./visible.ts";

export interface Waterfall {
  readonly controls: HTMLElement;
  readonly grid: HTMLElement;
  /** Scrolls to a span's row and moves the focus to it. */
  readonly reveal: (spanId: string) => void;
  /** Moves the focus back to the current row. */
  readonly focusRow: () => void;
  /** Marks the row whose details are shown. */
  readonly markSelected: () => void;
  readonly redraw: () => void;
}

/** How details were opened: by the keyboard, by the pointer, or because the focus moved while details were shown. */
export type OpenedBy = "keyboard" | "pointer" | "following";

export interface WaterfallEvents {
  /** Called when details are to be shown. */
  readonly onOpen: (spanId: string, by: OpenedBy) => void;
  readonly onClose: () => void;
}

/** From this number on, the rows do not fit on a screen and the overview is shown. */
const OVERVIEW_ROWS = 40;

/** Creates the waterfall: the spans as rows of a tree, each with a bar on a time axis. */
export function createWaterfall(model: TraceModel, state: ViewState, { onOpen, onClose }: WaterfallEvents): Waterfall {
  const colourOf = new Map(model.agents.map(({ service, colour }) => [service, colour]));
  const rows = createRows(model.spans, colourOf);
  const byId = new Map(rows.map((row) => [row.span.spanId, row]));
  const byElement = new Map<Element, Row>(rows.map((row) => [row.element, row]));
  const collapsed = new Set([...state.collapsed].map((id) => byId.get(id)).filter((row) => row !== undefined));
  let visible: readonly Row[] = rows;
  let selected: Row | undefined;

  const grid = el("div", {
    role: "treegrid",
    class: "grid",
    "aria-labelledby": "waterfall-title",
    "aria-rowcount": rows.length + 1,
  });
  const timeline = createTimeline(model.duration, state, grid, () => overview.mark(timeline.current()));
  const overview = createOverview(model.spans, colourOf, model.duration, timeline.show);
  timeline.axis.setAttribute("role", "columnheader");
  const heading = (title: string, kind: string): HTMLElement => el("div", { role: "columnheader", class: kind }, title);
  grid.append(
    el(
      "div",
      { role: "rowgroup", class: "head" },
      el(
        "div",
        { role: "row", class: "row", "aria-rowindex": 1 },
        heading("Span", "name"),
        heading("Duration", "time"),
        timeline.axis,
      ),
    ),
    el(
      "div",
      { role: "rowgroup", class: "body" },
      el("div", { class: "lines", "aria-hidden": "true" }, timeline.lines),
      ...rows.map(({ element }) => element),
    ),
  );

  const current = (): Row | undefined => byId.get(state.current ?? "");
  const setCurrent = (row: Row | undefined): void => {
    const before = current();
    if (before !== undefined) before.element.tabIndex = -1;
    state.current = row?.span.spanId;
    if (row !== undefined) row.element.tabIndex = 0;
  };
  const update = (): void => {
    const matches = isFiltering(state.filter) ? findMatches(rows, state.filter) : undefined;
    visible = showRows(rows, collapsed, matches);
    filterBar.showResult(matches === undefined ? "" : `${many(matches.size, "span matches", "spans match")} of ${rows.length}`);
    const row = current();
    if (row === undefined || row.element.hidden)
      setCurrent(visible.findLast(({ index }) => index <= (row?.index ?? 0)) ?? visible[0]);
    else setCurrent(row);
  };
  const setCollapsed = (changed: readonly Row[], isCollapsed: boolean): void => {
    for (const row of changed) {
      if (row.size === 0) continue;
      if (isCollapsed) collapsed.add(row);
      else collapsed.delete(row);
    }
    state.collapsed.clear();
    for (const { span } of collapsed) state.collapsed.add(span.spanId);
    update();
  };
  const markSelected = (): void => {
    selected?.element.removeAttribute("aria-selected");
    selected = byId.get(state.selected ?? "");
    selected?.element.setAttribute("aria-selected", "true");
  };
  const open = (row: Row, by: OpenedBy): void => {
    setCurrent(row);
    onOpen(row.span.spanId, by);
  };
  const focus = (row: Row): void => {
    setCurrent(row);
    row.element.focus();
    // Details that are shown follow the focus.
    if (state.selected !== undefined) onOpen(row.span.spanId, "following");
  };
  const isRowCollapsed = (row: Row): boolean => !isFiltering(state.filter) && collapsed.has(row);
  const actions: GridActions = {
    visible: () => visible,
    isCollapsed: isRowCollapsed,
    focus,
    collapse: (row, isCollapsed) => setCollapsed([row], isCollapsed),
    expandSiblings: (row) =>
      setCollapsed(
        rows.filter(({ parent }) => parent === row.parent),
        false,
      ),
    open: (row) => open(row, "keyboard"),
    close: onClose,
    zoom: (factor, { span }) => timeline.zoom(factor, span.start + span.duration / 2),
    showAll: () => timeline.show(undefined),
  };
  const rowOf = (event: Event): Row | undefined => {
    const target = event.target instanceof Element ? event.target.closest(".body > .row") : null;
    return target === null ? undefined : byElement.get(target);
  };
  grid.addEventListener("keydown", (event) => {
    const row = rowOf(event);
    if (row === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    if (pressKey(event.key, row, actions)) event.preventDefault();
  });
  grid.addEventListener("click", (event) => {
    const row = rowOf(event);
    if (row === undefined || getSelection()?.type === "Range") return;
    const onTwisty = event.target instanceof Element && event.target.classList.contains("twisty");
    if (onTwisty && row.size > 0) setCollapsed([row], !isRowCollapsed(row));
    else open(row, "pointer");
  });
  grid.addEventListener("dblclick", (event) => {
    const row = rowOf(event);
    if (row !== undefined && row.span.duration > 0) timeline.show({ from: row.span.start, to: row.span.start + row.span.duration });
  });

  const filterBar = createFilterBar(model.agents, state, update, {
    expandAll: () => setCollapsed(rows, false),
    collapseAll: () => {
      setCollapsed(rows, true);
      announce(`Collapsed to ${many(visible.length, "row")}.`);
    },
  });
  update();
  markSelected();
  return {
    controls: el(
      "div",
      {},
      el("div", { class: "toolbar" }, filterBar.search, filterBar.controls, timeline.controls),
      filterBar.legend,
      rows.length >= OVERVIEW_ROWS && overview.element,
    ),
    grid,
    reveal: (spanId) => {
      const row = byId.get(spanId);
      if (row === undefined) return;
      for (let above = row.parent; above !== undefined; above = above.parent) collapsed.delete(above);
      setCollapsed([], false);
      if (row.element.hidden) filterBar.reset();
      focus(row);
      row.element.scrollIntoView({ block: "nearest" });
    },
    focusRow: () => current()?.element.focus(),
    markSelected,
    redraw: overview.draw,
  };
}
