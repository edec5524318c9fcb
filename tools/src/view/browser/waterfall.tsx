import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { many } from "../model/format.ts";
import type { TraceModel } from "../model/model.ts";
import { Button, announce } from "./elements.tsx";
import { RowView } from "./row-view.tsx";
import { NO_FILTER, buildRows, findMatches, visibleRows } from "./rows.ts";
import type { Filter, Row } from "./rows.ts";
import { Axis, Overview, Tick, TimelineControls, marks, useTimeline } from "./timeline.tsx";
import type { Timeline } from "./timeline.tsx";

/** How details were opened: by the keyboard, by the pointer, or because the focus moved while details were shown. */
export type OpenedBy = "keyboard" | "pointer" | "following";

/** The rows of a trace, which of them are shown, and how to change that. */
export interface Rows {
  readonly all: readonly Row[];
  readonly visible: readonly Row[];
  readonly matches: ReadonlySet<Row> | undefined;
  readonly filter: Filter;
  readonly setFilter: (filter: Filter) => void;
  readonly isCollapsed: (row: Row) => boolean;
  readonly collapse: (rows: readonly Row[], isCollapsed: boolean) => void;
  /** The row that the Tab key reaches. */
  readonly current: Row | undefined;
  readonly setCurrent: (spanId: string) => void;
}

export function useRows(model: TraceModel, selected: string | undefined): Rows {
  const [filter, setFilter] = useState(NO_FILTER);
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const [currentId, setCurrent] = useState(selected);
  const all = useMemo(() => buildRows(model.spans), [model]);
  const matches = useMemo(() => findMatches(all, filter), [all, filter]);
  const visible = useMemo(() => visibleRows(all, collapsed, matches), [all, collapsed, matches]);
  const wanted = all.find(({ span }) => span.spanId === currentId);
  // If the row is hidden, the nearest one above it.
  const current = visible.findLast(({ index }) => index <= (wanted?.index ?? 0)) ?? visible[0];
  const collapse = (rows: readonly Row[], isCollapsed: boolean): void => {
    const ids = new Set(rows.filter(({ size }) => size > 0).map(({ span }) => span.spanId));
    setCollapsed((before) => (isCollapsed ? before.union(ids) : before.difference(ids)));
  };
  const isCollapsed = ({ span }: Row): boolean => matches === undefined && collapsed.has(span.spanId);
  return { all, visible, matches, filter, setFilter, isCollapsed, collapse, current, setCurrent };
}

interface WaterfallProps {
  readonly model: TraceModel;
  readonly rows: Rows;
  readonly timeline: Timeline;
  readonly selected: string | undefined;
  readonly onOpen: (spanId: string, by: OpenedBy) => void;
  readonly onClose: () => void;
}

export { useTimeline };

/** The waterfall: the spans as rows of a tree, each with a bar on a time axis. */
export function Waterfall(props: WaterfallProps): VNode {
  const { model, rows, timeline, selected, onOpen } = props;
  const [width, setWidth] = useState(600);
  const colours = useMemo(() => new Map(model.agents.map(({ service, colour }) => [service, colour])), [model]);
  const { from, to } = timeline.window;
  // Rows that are not shown stay in the document, because to create thousands of them takes longer than to hide them.
  const shown = useMemo(() => new Set(rows.visible), [rows.visible]);

  const rowOf = (event: Event): Row | undefined => {
    const id = event.target instanceof Element ? event.target.closest(".body > .row")?.id : undefined;
    return id === undefined ? undefined : rows.all.find(({ span }) => `span-${span.spanId}` === id);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const row = rowOf(event);
    if (row === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = keyActions(row, props);
    if (!Object.hasOwn(keys, event.key)) return;
    keys[event.key]?.();
    event.preventDefault();
  };
  const onClick = (event: MouseEvent): void => {
    const row = rowOf(event);
    if (row === undefined || getSelection()?.type === "Range") return;
    const onTwisty = event.target instanceof Element && event.target.classList.contains("twisty");
    if (onTwisty && row.size > 0) rows.collapse([row], !rows.isCollapsed(row));
    else onOpen(row.span.spanId, "pointer");
  };
  const onDblClick = (event: MouseEvent): void => {
    const row = rowOf(event);
    if (row !== undefined && row.span.duration > 0) timeline.show({ from: row.span.start, to: row.span.start + row.span.duration });
  };
  return (
    <div
      role="treegrid"
      class="grid"
      aria-labelledby="waterfall-title"
      aria-rowcount={rows.all.length + 1}
      style={{ "--from": from, "--scale": 1 / (to - from) }}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onDblClick={onDblClick}
    >
      <div role="rowgroup" class="head">
        <div role="row" class="row" aria-rowindex={1}>
          <div role="columnheader" class="name">
            Span
          </div>
          <div role="columnheader" class="time">
            Duration
          </div>
          <Axis timeline={timeline} width={width} onResize={setWidth} />
        </div>
      </div>
      <div role="rowgroup" class="body">
        <div class="lines" aria-hidden="true">
          <div class="track">
            {marks(timeline.window, width).map(({ time }) => (
              <Tick time={time} />
            ))}
          </div>
        </div>
        {rows.all.map((row) => (
          <RowView
            key={row.span.spanId}
            row={row}
            hidden={!shown.has(row)}
            colour={colours.get(row.span.service) ?? 0}
            expanded={row.size === 0 ? undefined : !rows.isCollapsed(row)}
            current={row === rows.current}
            selected={row.span.spanId === selected}
            beside={rows.matches?.has(row) === false}
          />
        ))}
      </div>
    </div>
  );
}

/** The number of rows that Page Up and Page Down skip. */
const PAGE = 10;

/** The keys of a tree grid (WAI-ARIA Authoring Practices, "Treegrid Pattern") and of the timeline. */
function keyActions(row: Row, { rows, timeline, selected, onOpen, onClose }: WaterfallProps): Record<string, () => void> {
  const { visible, isCollapsed, collapse } = rows;
  const focus = ({ span: { spanId } }: Row): void => {
    rows.setCurrent(spanId);
    document.getElementById(`span-${spanId}`)?.focus();
    // Details that are shown follow the focus.
    if (selected !== undefined) onOpen(spanId, "following");
  };
  const step = (by: number): void => {
    const target = visible[Math.min(visible.length - 1, Math.max(0, visible.indexOf(row) + by))];
    if (target !== undefined) focus(target);
  };
  const zoom = (factor: number): void => timeline.zoom(factor, row.span.start + row.span.duration / 2);
  const open = (): void => onOpen(row.span.spanId, "keyboard");
  return {
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    PageDown: () => step(PAGE),
    PageUp: () => step(-PAGE),
    Home: () => step(-Infinity),
    End: () => step(Infinity),
    ArrowRight: () => {
      if (row.size > 0 && isCollapsed(row)) collapse([row], false);
      else if (row.size > 0) step(1);
    },
    ArrowLeft: () => {
      if (row.size > 0 && !isCollapsed(row)) collapse([row], true);
      else if (row.parent !== undefined) focus(row.parent);
    },
    "*": () =>
      collapse(
        rows.all.filter(({ parent }) => parent === row.parent),
        false,
      ),
    Enter: open,
    " ": open,
    Escape: onClose,
    "+": () => zoom(0.5),
    "-": () => zoom(2),
    "0": () => timeline.show(undefined),
  };
}

/** From this number on, the rows do not fit on a screen and the overview is shown. */
const OVERVIEW_ROWS = 40;

/** The search, the filters, the timeline's controls, and the agents with their colours; each can be hidden. */
export function Toolbar({ model, rows, timeline }: Pick<WaterfallProps, "model" | "rows" | "timeline">): VNode {
  const { all, matches, filter, setFilter, collapse } = rows;
  const toggle = (service: string): void => setFilter({ ...filter, hidden: filter.hidden.symmetricDifference(new Set([service])) });
  const collapseAll = (): void => {
    collapse(all, true);
    announce(`Collapsed to ${many(all.filter(({ parent }) => parent === undefined).length, "row")}.`);
  };
  return (
    <div>
      <div class="toolbar">
        <div class="search">
          <input
            id="search"
            type="search"
            placeholder="Search names, ids, attributes"
            aria-label="Search spans"
            autocomplete="off"
            spellcheck={false}
            value={filter.query}
            onInput={(event) => setFilter({ ...filter, query: event.currentTarget.value })}
          />
          <span role="status" class="result">
            {matches && `${many(matches.size, "span matches", "spans match")} of ${all.length}`}
          </span>
        </div>
        <div class="group" role="group" aria-label="Rows">
          <label class="check">
            <input
              type="checkbox"
              checked={filter.errorsOnly}
              onChange={(event) => setFilter({ ...filter, errorsOnly: event.currentTarget.checked })}
            />{" "}
            Errors only
          </label>
          <Button label="Expand all" onClick={() => collapse(all, false)} />
          <Button label="Collapse all" onClick={collapseAll} />
        </div>
        <TimelineControls timeline={timeline} />
      </div>
      <div class="legend" role="group" aria-label="Agents shown">
        {model.agents.map(({ service, colour, spans }) => (
          <Button
            key={service}
            label={service}
            class={`chip c${colour}`}
            pressed={!filter.hidden.has(service)}
            title={`Show or hide the spans of ${service}`}
            onClick={() => toggle(service)}
          >
            <span class="swatch" aria-hidden="true" />
            <span class="label">{service}</span> <span class="muted">{many(spans, "span")}</span>
          </Button>
        ))}
      </div>
      {all.length >= OVERVIEW_ROWS && <Overview model={model} timeline={timeline} />}
    </div>
  );
}
