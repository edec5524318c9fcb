import type { ComponentChildren, VNode } from "preact";
import type { TraceList, TraceSummary } from "../server/trace-list.ts";
import { cost, duration, many, whole } from "../model/format.ts";
import { DataTable, ErrorCount, ServiceName, Time } from "./elements.tsx";

/** The list of received traces, newest first. */
export function TraceListView({ list: { traces, evicted, refusals }, origin }: { list: TraceList; origin: string }): VNode {
  const columns = ["Trace", "Started", "Agents", "Duration", "Spans", "Errors", "Tokens", "Cost"];
  return (
    <div class="list">
      <h1 tabIndex={-1}>Traces</h1>
      {refusals.map(({ count, message }) => (
        <p class="status error">
          ✕ Refused ({many(count, "time")}): {message}
        </p>
      ))}
      {traces.length === 0 ? (
        <Welcome origin={origin} />
      ) : (
        <DataTable caption="Traces, newest first" columns={columns} rows={traces.map(cells)} numbersFrom={3} />
      )}
      {evicted > 0 && (
        <p class="note">{many(evicted, "older trace was", "older traces were")} evicted, because only the newest are kept.</p>
      )}
    </div>
  );
}

function cells({ traceId, name, startedAt, agents, duration: lasts, spans, errors, usage }: TraceSummary): ComponentChildren[] {
  return [
    <span class="trace-name">
      <a id={`trace-${traceId}`} href={`#/trace/${traceId}`}>
        {name === "" ? "(no name)" : name}
      </a>
      <code class="muted">{traceId.slice(0, 8)}</code>
    </span>,
    <Time milliseconds={startedAt} />,
    <AgentNames agents={agents} />,
    duration(lasts),
    whole(spans),
    <ErrorCount count={errors} />,
    usage.requests === 0 ? "–" : whole(usage.input + usage.output),
    usage.requests === 0 ? "–" : cost(usage),
  ];
}

/** Further names are only counted. */
const MAX_NAMES = 6;

function AgentNames({ agents }: Pick<TraceSummary, "agents">): VNode {
  const more = agents.length - MAX_NAMES;
  return (
    <span class="agents">
      {agents.slice(0, MAX_NAMES).map(({ service, colour }) => [<ServiceName service={service} colour={colour} />, " "])}
      {more > 0 && `and ${more} more`}
    </span>
  );
}

function Welcome({ origin }: { origin: string }): VNode {
  return (
    <div class="welcome">
      <p>No traces have been received yet. Start your agents with</p>
      <pre>{`OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\nOTEL_EXPORTER_OTLP_ENDPOINT=${origin}`}</pre>
      <p>in their environment, or configure any OTLP/HTTP exporter (protobuf or JSON). Traces appear automatically.</p>
    </div>
  );
}
