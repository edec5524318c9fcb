import type { ComponentChildren, VNode } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { cost, duration, many, whole } from "../model/format.ts";
import type { TraceModel } from "../model/model.ts";
import { Details } from "./details.tsx";
import type { TraceLink } from "./details.tsx";
import { Button, DataTable, ErrorCount, Section, ServiceName, Time, announce, useAfterRender } from "./elements.tsx";
import { GraphSection } from "./graph-view.tsx";
import { NO_FILTER } from "./rows.ts";
import { Toolbar, Waterfall, useRows, useTimeline } from "./waterfall.tsx";
import type { OpenedBy } from "./waterfall.tsx";

interface TraceViewProps {
  readonly model: TraceModel;
  /** The span whose details are shown. */
  readonly selected: string | undefined;
  readonly onSelect: (spanId: string | undefined) => void;
  readonly traceLink?: TraceLink;
}

/** A trace: its summary, the waterfall, details and tables. */
export function TraceView({ model, selected, onSelect, traceLink }: TraceViewProps): VNode {
  const rows = useRows(model, selected);
  const timeline = useTimeline(model.duration);
  const afterRender = useAfterRender();
  const span = model.spans.find(({ spanId }) => spanId === selected);
  useEffect(() => {
    if (selected !== undefined) rows.setCurrent(selected);
  }, [selected]);

  const open = (spanId: string, by: OpenedBy): void => {
    rows.setCurrent(spanId);
    onSelect(spanId);
    afterRender(() => {
      const side = document.querySelector(".side");
      if (by === "keyboard") document.getElementById("details-title")?.focus();
      // In a narrow window the details are below the rows.
      else if (by === "pointer" && side !== null && side.getBoundingClientRect().top > innerHeight - 120)
        side.scrollIntoView({ block: "center" });
    });
  };
  const close = (): void => {
    if (selected === undefined) return;
    onSelect(undefined);
    afterRender(() => document.getElementById(`span-${rows.current?.span.spanId}`)?.focus());
    announce("Details closed.");
  };
  const jump = (spanId: string): void => {
    const target = rows.all.find((row) => row.span.spanId === spanId);
    const ancestors = [];
    for (let above = target?.parent; above !== undefined; above = above.parent) ancestors.push(above);
    rows.collapse(ancestors, false);
    if (target !== undefined && rows.matches?.has(target) === false) rows.setFilter(NO_FILTER);
    rows.setCurrent(spanId);
    onSelect(spanId);
    afterRender(() => {
      const row = document.getElementById(`span-${spanId}`);
      row?.focus();
      row?.scrollIntoView({ block: "nearest" });
    });
  };
  const cards = useMemo(
    () => (
      <div class="cards">
        <AgentsSection model={model} />
        <UsageSection model={model} />
        <GraphSection model={model} />
      </div>
    ),
    [model],
  );
  return (
    <div class="trace">
      <Headline model={model} />
      <Section id="waterfall" title="Waterfall">
        <Toolbar model={model} rows={rows} timeline={timeline} />
        <div class={span === undefined ? "split" : "split with-details"}>
          <div>
            <Waterfall model={model} rows={rows} timeline={timeline} selected={selected} onOpen={open} onClose={close} />
            <Keys />
          </div>
          <div class="side" onKeyDown={({ key }) => key === "Escape" && close()}>
            {span && <Details span={span} model={model} traceLink={traceLink} onJump={jump} onClose={close} />}
          </div>
        </div>
      </Section>
      {cards}
    </div>
  );
}

/** The summary of a trace. */
function Headline({ model }: { model: TraceModel }): VNode {
  const { name, service, traceId, spans, agents, errors, usage, notices } = model;
  const figures: [string, ComponentChildren][] = [
    ["Duration", duration(model.duration)],
    ["Agents", whole(agents.length)],
    ["Spans", whole(spans.length)],
    ["Errors", <ErrorCount count={errors} />],
  ];
  if (usage.all.requests > 0) {
    figures.push(["Tokens", `${whole(usage.all.input)} in, ${whole(usage.all.output)} out`], ["Cost", cost(usage.all)]);
  }
  return (
    <header class="headline">
      <h1 tabIndex={-1}>{name === "" ? "(no name)" : name}</h1>
      <p class="subline">
        {service}, <Time milliseconds={model.startedAt} />, trace <code>{traceId}</code> <CopyButton traceId={traceId} />
      </p>
      <dl class="figures">
        {figures.map(([title, value]) => (
          <div>
            <dt>{title}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {notices.length > 0 && (
        <ul class="notices">
          {notices.map((notice) => (
            <li>{notice}</li>
          ))}
        </ul>
      )}
    </header>
  );
}

function CopyButton({ traceId }: { traceId: string }): VNode | null {
  // Only pages from this machine or over HTTPS can use the clipboard.
  if (!("clipboard" in navigator)) return null;
  const copy = (): void => {
    navigator.clipboard.writeText(traceId).then(
      () => announce("Copied the trace id."),
      () => announce("The browser did not allow copying."),
    );
  };
  return (
    <Button label="Copy the trace id" sign="Copy" class="small" onClick={copy}>
      Copy
    </Button>
  );
}

function AgentsSection({ model: { agents } }: { model: TraceModel }): VNode {
  const longest = Math.max(...agents.map(({ total }) => total), 1e-9);
  const anyModels = agents.some(({ models }) => models > 0);
  const rows = agents.map(({ service, colour, calls, errors, total, own, callees, models, slowest }) => [
    <span class="agent-bar">
      <ServiceName service={service} colour={colour} />
      <span class={`shares c${colour}`} aria-hidden="true" style={{ "--own": own / longest, "--callees": callees / longest }}>
        <span class="own" />
        <span class="callees" />
      </span>
    </span>,
    whole(calls),
    <ErrorCount count={errors} />,
    duration(total),
    duration(own),
    duration(callees),
    ...(anyModels ? [models === 0 ? "–" : duration(models)] : []),
    duration(slowest),
  ]);
  const columns = ["Agent", "Calls", "Errors", "Total", "Own", "Callees’", ...(anyModels ? ["In models"] : []), "Slowest call"];
  return (
    <Section id="agents" title="Latency of each agent">
      <DataTable caption="Latency of each agent" columns={columns} rows={rows} />
      <p class="note">
        Total is the time in which the agent had an open span. Callees’ (pale in the bar) is the part in which it only waited for
        other agents of this trace, outside of models; the rest is its own time{anyModels ? ", including models." : "."}
      </p>
    </Section>
  );
}

function UsageSection({ model: { usage, agents } }: { model: TraceModel }): VNode {
  const { all, rows: byModel } = usage;
  const title = "Tokens and cost";
  if (all.requests === 0) {
    return (
      <Section id="usage" title={title}>
        <p class="muted">
          No span records the usage of a model, for example in <code>gen_ai.usage.input_tokens</code>.
        </p>
      </Section>
    );
  }
  const figures = (sum: typeof all): ComponentChildren[] => {
    const text = cost(sum);
    return [
      whole(sum.requests),
      whole(sum.input),
      ...(all.cached > 0 ? [sum.cached === 0 ? "–" : whole(sum.cached)] : []),
      whole(sum.output),
      text === "unknown" ? <em>{text}</em> : text,
    ];
  };
  const colours = new Map(agents.map(({ service, colour }) => [service, colour]));
  const named = (model: string | undefined): string => (model === undefined || model === "" ? "(unknown)" : model);
  const rows = usage.agents.flatMap((agent): ComponentChildren[][] => {
    const [first, ...others] = byModel.filter(({ service }) => service === agent.service);
    const name = <ServiceName service={agent.service} colour={colours.get(agent.service)} />;
    const line = (head: ComponentChildren, model: string, sum: typeof all): ComponentChildren[] => [head, model, ...figures(sum)];
    if (first === undefined || others.length === 0) return [line(name, named(first?.model), agent)];
    const parts = [first, ...others].map((row) => line(<span class="sub">{row.service}</span>, named(row.model), row));
    return [line(name, "all", agent), ...parts];
  });
  const unpriced = byModel.filter((row) => row.unpriced > 0).map(({ model }) => (model === "" ? "spans without a model" : model));
  const columns = ["Agent", "Model", "Requests", "Input", ...(all.cached > 0 ? ["Cached"] : []), "Output", "Cost"];
  return (
    <Section id="usage" title={title}>
      <DataTable caption={title} columns={columns} rows={rows} foot={["Total", "", ...figures(all)]} numbersFrom={2} />
      {unpriced.length > 0 && (
        <p class="note">
          {`No price is known for ${many(all.unpriced, "request")} (${[...new Set(unpriced)].join(", ")}), so the sums do not include their cost.`}
        </p>
      )}
    </Section>
  );
}

const KEYS: readonly [string, string][] = [
  ["↑ ↓ Page Up Page Down Home End", "move between rows"],
  ["→ ←", "expand or collapse; go to the first child or the parent"],
  ["*", "expand all siblings"],
  ["Enter", "show details; Escape closes them"],
  ["+ − 0", "zoom in on the row's time, out, and to the whole trace"],
];

function Keys(): VNode {
  return (
    <details class="keys">
      <summary>Keyboard shortcuts and legend</summary>
      <dl>
        {KEYS.flatMap(([key, meaning]) => [
          <dt>
            <kbd>{key}</kbd>
          </dt>,
          <dd>{meaning}</dd>,
        ])}
      </dl>
      <p>
        A bar shows a span's duration. It is filled where no child is active (own time) and pale where a child is active. A tick on
        it is an event.
      </p>
    </details>
  );
}
