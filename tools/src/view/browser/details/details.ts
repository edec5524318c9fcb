import type { TraceModel } from "../../model/model.ts";
import type { SpanView } from "../../model/span-view.ts";
import { button, el } from "../dom/elements.ts";
import { duration, many, money, whole } from "../dom/format.ts";
import { attributeTable, longText } from "./values.ts";

export interface DetailsEvents {
  /** Called to move to a span of this trace. */
  readonly onJump: (spanId: string) => void;
  readonly onClose: () => void;
  /** Returns the address of another trace's page; undefined if the page shows only one trace. */
  readonly traceLink: ((traceId: string, spanId: string) => string) | undefined;
}

/** Creates the details of a span. */
export function detailsOf(span: SpanView, model: TraceModel, events: DetailsEvents): HTMLElement {
  const heading = el("h3", { id: "details-title", tabindex: -1 }, span.name === "" ? "(no name)" : span.name);
  const colour = model.agents.find(({ service }) => service === span.service)?.colour ?? 0;
  const { attributes } = span;
  return el(
    "aside",
    { class: `details c${colour}`, "aria-labelledby": "details-title" },
    el(
      "div",
      { class: "details-head" },
      el("span", { class: "swatch", "aria-hidden": "true" }),
      heading,
      button("Close details", events.onClose, { sign: "✕" }),
    ),
    el(
      "div",
      { class: "details-body" },
      status(span),
      facts(span, model, events),
      ...usage(span),
      ...part("Attributes", attributeTable("Attributes", attributes)),
      ...eventList(span),
      ...linkList(span, events),
      resource(span, model),
    ),
  );
}

function status({ status: code, statusMessage, attributes, failed }: SpanView): HTMLElement | undefined {
  if (code === "unset") return undefined;
  if (code === "ok") return el("p", { class: "status ok" }, "✓ Status: OK");
  const type = attributes["error.type"];
  const reason = [typeof type === "string" ? type : "", statusMessage ?? ""].filter((text) => text !== "").join(": ");
  if (failed !== true)
    return el("p", { class: "status" }, `Expected probe, not counted as an error${reason === "" ? "" : `: ${reason}`}`);
  return el("p", { class: "status error" }, `✕ Error${reason === "" ? "" : `: ${reason}`}`);
}

function facts(span: SpanView, model: TraceModel, { onJump }: DetailsEvents): HTMLElement {
  const parent = model.spans.find(({ spanId }) => spanId === span.parentSpanId);
  const rows: [string, string | Node][] = [
    ["Service", span.service],
    ["Kind", span.kind.toLowerCase()],
    ["Starts", `${duration(span.start)} after the start of the trace`],
    ["Duration", span.unfinished === true ? "unknown, because it was exported before its end" : duration(span.duration)],
    ["Own time", `${duration(span.own)}, not covered by its children`],
    ["At", absolute(span.startTime)],
    ["Span id", el("code", {}, span.spanId)],
  ];
  if (parent !== undefined) {
    const link = button(parent.name === "" ? "(no name)" : parent.name, () => onJump(parent.spanId));
    link.className = "link";
    const where = span.remoteParent === true ? ", in another process" : "";
    rows.push(["Parent", el("span", {}, link, ` (${parent.service}${where})`)]);
  } else if (span.parentSpanId !== undefined) {
    rows.push(["Parent", el("span", {}, el("code", {}, span.parentSpanId), " (not received)")]);
  }
  if (span.shift !== undefined) {
    const direction = span.shift < 0 ? "earlier" : "later";
    rows.push([
      "Clock",
      `shown ${duration(Math.abs(span.shift))} ${direction} than its own clock, to correct a difference between clocks`,
    ]);
  }
  if (span.traceState !== undefined) rows.push(["tracestate", el("code", {}, span.traceState)]);
  if (span.scope !== "") rows.push(["Scope", span.scope]);
  if (span.dropped !== undefined) rows.push(["Dropped", `${whole(span.dropped)} attributes, events or links, because of limits`]);
  return el("dl", { class: "facts" }, ...rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

/** "2026-01-31 12:34:56.123456 UTC", from nanoseconds. */
function absolute(nanoseconds: string): string {
  const milliseconds = Number(BigInt(nanoseconds) / 1_000_000n);
  const fraction = (BigInt(nanoseconds) % 1_000_000_000n).toString().padStart(9, "0").slice(0, 6);
  // Date does not support years after 275760.
  if (milliseconds > 8.64e15) return `${nanoseconds} ns since 1970`;
  return `${new Date(milliseconds).toISOString().slice(0, 19).replace("T", " ")}.${fraction} UTC`;
}

function usage({ usage: used, usageBelow }: SpanView): HTMLElement[] {
  if (used === undefined) return [];
  const cached = used.cached > 0 ? ` (${whole(used.cached)} of them from a cache)` : "";
  const cost = used.cost === undefined ? "cost unknown" : money(used.cost);
  const text = `${whole(used.input)} tokens in${cached}, ${whole(used.output)} out; ${cost}.`;
  const note = usageBelow === true ? " Spans below it contain the same usage, so it is not part of the sums." : "";
  return part("Model", el("p", {}, el("strong", {}, used.model === "" ? "(no model named)" : used.model), ` ${text}${note}`));
}

function part(title: string, ...content: HTMLElement[]): HTMLElement[] {
  return [el("h4", {}, title), ...content];
}

const MAX_EVENTS = 100;

function eventList({ events = [], start }: SpanView): HTMLElement[] {
  if (events.length === 0) return [];
  const more = events.length - MAX_EVENTS;
  const items = events.slice(0, MAX_EVENTS).map(({ time, name, attributes }) => {
    const isException = name === "exception";
    const { "exception.stacktrace": stack, ...rest } = attributes;
    const offset = time < start ? `${duration(start - time)} before the span` : `after ${duration(time - start)}`;
    return el(
      "li",
      { class: isException ? "exception" : "" },
      el("p", {}, el("strong", {}, isException ? `✕ ${name}` : name), ` ${offset}`),
      Object.keys(rest).length > 0 && attributeTable(`Attributes of the event ${name}`, rest),
      typeof stack === "string" && longText("Stack trace", stack),
    );
  });
  return part(
    `Events (${events.length})`,
    el("ol", { class: "events" }, ...items),
    ...(more > 0 ? [el("p", { class: "muted" }, `And ${many(more, "more event", "more events")}.`)] : []),
  );
}

function linkList({ links = [] }: SpanView, { traceLink }: DetailsEvents): HTMLElement[] {
  if (links.length === 0) return [];
  const items = links.map(({ traceId, spanId, attributes }) => {
    const id = el("code", {}, `${traceId} ${spanId}`);
    return el(
      "li",
      {},
      traceLink === undefined ? id : el("a", { href: traceLink(traceId, spanId) }, id),
      Object.keys(attributes).length > 0 && attributeTable("Attributes of the link", attributes),
    );
  });
  return part(`Links (${links.length})`, el("ul", { class: "links" }, ...items));
}

function resource(span: SpanView, { resources }: TraceModel): HTMLElement {
  const attributes = resources[span.resource] ?? {};
  return el(
    "details",
    {},
    el("summary", {}, `Resource (${Object.keys(attributes).length} attributes)`),
    attributeTable("Attributes of the resource", attributes),
  );
}
