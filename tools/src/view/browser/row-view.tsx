import { Component } from "preact";
import type { VNode } from "preact";
import type { SpanView } from "../model/span-view.ts";
import { duration, whole } from "../model/format.ts";
import type { Row } from "./rows.ts";

interface RowProps {
  readonly row: Row;
  readonly hidden: boolean;
  readonly colour: number;
  /** Undefined for a row without children. */
  readonly expanded: boolean | undefined;
  /** Whether it is the row that the Tab key reaches. */
  readonly current: boolean;
  readonly selected: boolean;
  /** Whether it does not match the filter, but a row below it does. */
  readonly beside: boolean;
}

/** Deeper spans are not indented further, because their names would not be visible. */
const MAX_INDENT = 24;

/** A row of the waterfall. It is drawn again only if one of its properties changes, because a trace may have thousands of rows. */
export class RowView extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return Object.entries(next).some(([name, value]) => this.props[name as keyof RowProps] !== value);
  }

  override render(): VNode {
    const { row, hidden, colour, expanded, current, selected, beside } = this.props;
    const { name, target, kind, service, depth, failed, unfinished, misplaced, usage, ...span } = row.span;
    const flags = { entry: span.entry, failed, unfinished, beside };
    const classes = Object.entries(flags).flatMap(([flag, isSet]) => (isSet === true ? flag : []));
    return (
      <div
        role="row"
        class={["row", `c${colour}`, ...classes].join(" ")}
        id={`span-${span.spanId}`}
        hidden={hidden}
        tabIndex={current ? 0 : -1}
        aria-level={depth + 1}
        aria-posinset={row.position}
        aria-setsize={row.siblings}
        // Row 1 is the heading.
        aria-rowindex={row.index + 2}
        aria-expanded={expanded}
        aria-selected={selected || undefined}
        style={{ "--depth": Math.min(depth, MAX_INDENT) }}
      >
        <div role="gridcell" class="name" title={target === undefined ? name : `${name} ${target}`}>
          <span class="twisty" aria-hidden="true" />
          <span class="swatch" aria-hidden="true" />
          {failed && <Mark sign="✕" meaning="Error" kind="error" />}
          {unfinished && <Mark sign="!" meaning="No end" kind="warning" />}
          {!unfinished && misplaced && (
            <Mark sign="!" meaning={misplaced === "circular" ? "Circular" : "Parent missing"} kind="warning" />
          )}
          <span class="text">{name === "" ? "(no name)" : name}</span>
          {target !== undefined && [" ", <span class="target">{target}</span>]} <span class="service">{service}</span>
          {kind !== "INTERNAL" && [" ", <span class="kind">{kind}</span>]}
          {usage && <span class="tokens">{`${whole(usage.input)} in, ${whole(usage.output)} out`}</span>}
        </div>
        <div role="gridcell" class="time">
          {unfinished ? "no end" : duration(span.duration)}
        </div>
        <div role="gridcell" class="track" aria-label={`from ${duration(span.start)}, own time ${duration(span.own)}`}>
          <Bars span={row.span} />
        </div>
      </div>
    );
  }
}

function Mark({ sign, meaning, kind }: { sign: string; meaning: string; kind: string }): VNode {
  return (
    <span class={`mark ${kind}`} role="img" aria-label={meaning} title={meaning}>
      {sign}
    </span>
  );
}

/** A pale bar for the duration, and filled bars for the own time. */
function Bars({ span: { start, duration: lasts, ownParts = [0, lasts], events = [] } }: { span: SpanView }): VNode {
  const bar = (kind: string, from: number, to: number): VNode => <span class={kind} style={{ "--s": from, "--e": to }} />;
  return (
    <>
      {bar("bar", start, start + lasts)}
      {ownParts.flatMap((from, index) => (index % 2 === 0 ? bar("own", start + from, start + (ownParts[index + 1] ?? 0)) : []))}
      {events.slice(0, 50).map(({ time, name }) => bar(name === "exception" ? "event exception" : "event", time, time))}
    </>
  );
}
