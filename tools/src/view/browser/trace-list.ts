import type { TraceList, TraceSummary } from "../server/trace-list.ts";
import { el } from "./dom/elements.ts";
import { cost, duration, many, whole } from "./dom/format.ts";
import { timeElement } from "./details/headline.ts";
import { dataTable, serviceName } from "./details/tables.ts";

/** The list of received traces, newest first. */
export function traceListView(list: TraceList, origin: string): HTMLElement {
  const { traces, evicted, refusals } = list;
  const rows = traces.map((trace) => [
    el(
      "span",
      { class: "trace-name" },
      el("a", { id: `trace-${trace.traceId}`, href: `#/trace/${trace.traceId}` }, trace.name === "" ? "(no name)" : trace.name),
      el("code", { class: "muted" }, trace.traceId.slice(0, 8)),
    ),
    timeElement(trace.startedAt),
    agentNames(trace.agents),
    duration(trace.duration),
    whole(trace.spans),
    trace.errors === 0 ? "0" : el("span", { class: "bad" }, `✕ ${whole(trace.errors)}`),
    trace.usage.requests === 0 ? "–" : whole(trace.usage.input + trace.usage.output),
    trace.usage.requests === 0 ? "–" : cost(trace.usage),
  ]);
  return el(
    "div",
    { class: "list" },
    el("h1", { tabindex: -1 }, "Traces"),
    ...refusals.map((refusal) =>
      el("p", { class: "status error" }, `✕ Refused (${many(refusal.count, "time")}): ${refusal.message}`),
    ),
    traces.length === 0
      ? welcome(origin)
      : dataTable("Traces, newest first", ["Trace", "Started", "Agents", "Duration", "Spans", "Errors", "Tokens", "Cost"], rows, {
          numbersFrom: 3,
        }),
    evicted > 0 &&
      el(
        "p",
        { class: "note" },
        `${many(evicted, "older trace was", "older traces were")} evicted, because only the newest are kept.`,
      ),
  );
}

/** Further names are only counted. */
const MAX_NAMES = 6;

function agentNames(agents: TraceSummary["agents"]): HTMLElement {
  const names = agents.slice(0, MAX_NAMES).flatMap(({ service, colour }) => [serviceName(service, colour), " "]);
  const more = agents.length - MAX_NAMES;
  return el("span", { class: "agents" }, ...names, more > 0 && `and ${more} more`);
}

function welcome(origin: string): HTMLElement {
  const settings = `OTEL_EXPORTER_OTLP_PROTOCOL=http/json\nOTEL_EXPORTER_OTLP_ENDPOINT=${origin}`;
  return el(
    "div",
    { class: "welcome" },
    el("p", {}, "No traces have been received yet. Start your agents with"),
    el("pre", {}, settings),
    el("p", {}, "in their environment, or configure any OTLP/HTTP exporter that sends JSON. Traces appear automatically."),
  );
}
