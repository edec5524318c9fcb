import type { ComponentChildren, VNode } from "preact";
import { duration, many, money, whole } from "../model/format.ts";
import type { TraceModel } from "../model/model.ts";
import type { SpanView } from "../model/span-view.ts";
import type { Attributes, Value } from "../span.ts";
import { Button } from "./elements.tsx";

/** The address of another trace's page; undefined if the page shows only one trace. */
export type TraceLink = ((traceId: string, spanId: string) => string) | undefined;

interface DetailsProps {
  readonly span: SpanView;
  readonly model: TraceModel;
  readonly traceLink: TraceLink;
  /** Called to move to a span of this trace. */
  readonly onJump: (spanId: string) => void;
  readonly onClose: () => void;
}

/** The details of a span. */
export function Details({ span, model, traceLink, onJump, onClose }: DetailsProps): VNode {
  const resource = model.resources[span.resource] ?? {};
  const colour = model.agents.find(({ service }) => service === span.service)?.colour ?? 0;
  const { events = [], links = [] } = span;
  return (
    <aside class={`details c${colour}`} aria-labelledby="details-title">
      <div class="details-head">
        <span class="swatch" aria-hidden="true" />
        <h3 id="details-title" tabIndex={-1}>
          {nameOf(span)}
        </h3>
        <Button label="Close details" sign="✕" onClick={onClose} />
      </div>
      <div class="details-body" key={span.spanId}>
        <Status span={span} />
        <dl class="facts">{facts(span, model, onJump).flatMap(([name, value]) => [<dt>{name}</dt>, <dd>{value}</dd>])}</dl>
        <Usage span={span} />
        <h4>Attributes</h4>
        <AttributeTable caption="Attributes" attributes={span.attributes} />
        {events.length > 0 && <Events events={events} start={span.start} />}
        {links.length > 0 && <Links links={links} traceLink={traceLink} />}
        <details>
          <summary>Resource ({Object.keys(resource).length} attributes)</summary>
          <AttributeTable caption="Attributes of the resource" attributes={resource} />
        </details>
      </div>
    </aside>
  );
}

function nameOf({ name }: SpanView): string {
  return name === "" ? "(no name)" : name;
}

function Status({ span: { status, statusMessage = "", attributes, failed } }: { span: SpanView }): VNode | null {
  if (status === "unset") return null;
  if (status === "ok") return <p class="status ok">✓ Status: OK</p>;
  const type = attributes["error.type"];
  const reason = [typeof type === "string" ? type : "", statusMessage].filter((text) => text !== "").join(": ");
  const suffix = reason === "" ? "" : `: ${reason}`;
  if (failed !== true) return <p class="status">{`Expected probe, not counted as an error${suffix}`}</p>;
  return <p class="status error">{`✕ Error${suffix}`}</p>;
}

function facts(span: SpanView, { spans }: TraceModel, onJump: DetailsProps["onJump"]): [string, ComponentChildren][] {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  const { shift, target } = span;
  const all: [string, ComponentChildren][] = [
    ["Target", target],
    ["Service", span.service],
    ["Kind", span.kind.toLowerCase()],
    ["Starts", `${duration(span.start)} after the start of the trace`],
    ["Duration", span.unfinished ? "unknown, because it was exported before its end" : duration(span.duration)],
    ["Own time", `${duration(span.own)}, not covered by its children`],
    ["At", absolute(span.startTime)],
    ["Span id", <code>{span.spanId}</code>],
    [
      "Parent",
      parent !== undefined ? (
        <span>
          <Button label={nameOf(parent)} class="link" onClick={() => onJump(parent.spanId)} />
          {` (${parent.service}${span.remoteParent ? ", in another process" : ""})`}
        </span>
      ) : (
        span.parentSpanId && (
          <span>
            <code>{span.parentSpanId}</code> (not received)
          </span>
        )
      ),
    ],
    [
      "Clock",
      shift &&
        `shown ${duration(Math.abs(shift))} ${shift < 0 ? "earlier" : "later"} than its own clock, to correct a difference between clocks`,
    ],
    ["tracestate", span.traceState && <code>{span.traceState}</code>],
    ["Scope", span.scope],
    ["Dropped", span.dropped && `${whole(span.dropped)} attributes, events or links, because of limits`],
  ];
  return all.filter(([, value]) => value !== undefined && value !== "");
}

/** "2026-01-31 12:34:56.123456 UTC", from nanoseconds. */
function absolute(nanoseconds: string): string {
  const milliseconds = Number(BigInt(nanoseconds) / 1_000_000n);
  const fraction = (BigInt(nanoseconds) % 1_000_000_000n).toString().padStart(9, "0").slice(0, 6);
  // Date does not support years after 275760.
  if (milliseconds > 8.64e15) return `${nanoseconds} ns since 1970`;
  return `${new Date(milliseconds).toISOString().slice(0, 19).replace("T", " ")}.${fraction} UTC`;
}

function Usage({ span: { usage, usageBelow } }: { span: SpanView }): VNode | null {
  if (usage === undefined) return null;
  const cached = usage.cached > 0 ? ` (${whole(usage.cached)} of them from a cache)` : "";
  const cost = usage.cost === undefined ? "cost unknown" : money(usage.cost);
  const note = usageBelow ? " Spans below it contain the same usage, so it is not part of the sums." : "";
  return (
    <>
      <h4>Model</h4>
      <p>
        <strong>{usage.model === "" ? "(no model named)" : usage.model}</strong>
        {` ${whole(usage.input)} tokens in${cached}, ${whole(usage.output)} out; ${cost}.${note}`}
      </p>
    </>
  );
}

const MAX_EVENTS = 100;

function Events({ events, start }: { events: NonNullable<SpanView["events"]>; start: number }): VNode {
  const more = events.length - MAX_EVENTS;
  return (
    <>
      <h4>{`Events (${events.length})`}</h4>
      <ol class="events">
        {events.slice(0, MAX_EVENTS).map(({ time, name, attributes }) => {
          const isException = name === "exception";
          const { "exception.stacktrace": stack, ...rest } = attributes;
          return (
            <li class={isException ? "exception" : ""}>
              <p>
                <strong>{isException ? `✕ ${name}` : name}</strong>
                {time < start ? ` ${duration(start - time)} before the span` : ` after ${duration(time - start)}`}
              </p>
              {Object.keys(rest).length > 0 && <AttributeTable caption={`Attributes of the event ${name}`} attributes={rest} />}
              {typeof stack === "string" && <LongText name="Stack trace" text={stack} />}
            </li>
          );
        })}
      </ol>
      {more > 0 && <p class="muted">And {many(more, "more event", "more events")}.</p>}
    </>
  );
}

function Links({ links, traceLink }: { links: NonNullable<SpanView["links"]>; traceLink: TraceLink }): VNode {
  return (
    <>
      <h4>{`Links (${links.length})`}</h4>
      <ul class="links">
        {links.map(({ traceId, spanId, attributes }) => {
          const id = <code>{`${traceId} ${spanId}`}</code>;
          return (
            <li>
              {traceLink === undefined ? id : <a href={traceLink(traceId, spanId)}>{id}</a>}
              {Object.keys(attributes).length > 0 && <AttributeTable caption="Attributes of the link" attributes={attributes} />}
            </li>
          );
        })}
      </ul>
    </>
  );
}

function AttributeTable({ caption, attributes }: { caption: string; attributes: Attributes }): VNode {
  const rows = Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (rows.length === 0) return <p class="muted">None.</p>;
  return (
    <table class="attributes">
      <caption class="unseen">{caption}</caption>
      <tbody>
        {rows.map(([key, value]) => (
          <tr>
            <th scope="row">
              {/* Names can wrap after dots and underscores. */}
              {key.split(/(?<=[._])/).flatMap((piece, index) => (index === 0 ? [piece] : [<wbr />, piece]))}
            </th>
            <td>
              <ValueView name={key} value={value} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Longer texts are shown in a box that scrolls. */
const LONG = 160;

function ValueView({ name, value }: { name: string; value: Value }): VNode {
  const text = readable(value);
  if (text.length > LONG || text.includes("\n")) return <LongText name={name} text={text} />;
  return <span class={`value ${typeof value}`}>{text === "" ? "(empty)" : text}</span>;
}

/** A box for a long text, which can be scrolled with the keyboard. */
function LongText({ name, text }: { name: string; text: string }): VNode {
  return (
    <pre tabIndex={0} role="region" aria-label={name}>
      {text}
    </pre>
  );
}

/** Formats a value. JSON inside a string, such as recorded messages to models, is indented. */
function readable(value: Value): string {
  if (typeof value !== "string") {
    const line = typeof value === "object" ? JSON.stringify(value) : String(value);
    return line.length <= LONG ? line : JSON.stringify(value, null, 2);
  }
  if (value.length < LONG || !/^\s*[[{]/.test(value)) return value;
  try {
    const parsed = JSON.parse(value) as Value;
    return isDeeper(parsed, MAX_DEPTH) ? value : JSON.stringify(parsed, null, 2);
  } catch {
    return value;
  }
}

/** Deeper JSON is not indented, because the indentation of thousands of levels would take gigabytes. */
const MAX_DEPTH = 32;

function isDeeper(value: Value, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((member: Value) => isDeeper(member, levels - 1));
}
