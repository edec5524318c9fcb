import type { TraceModel } from "../../model/model.ts";
import { el, section, setVariables } from "../dom/elements.ts";
import { cost, duration, many, whole } from "../dom/format.ts";

type Cell = string | Node;

/** Creates a table that scrolls horizontally if the window is too narrow. The first cell of a row is its heading. */
export function dataTable(
  caption: string,
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  { foot, numbersFrom = 1 }: { foot?: readonly Cell[]; numbersFrom?: number } = {},
): HTMLElement {
  const kind = (index: number): string => (index >= numbersFrom ? "number" : "");
  const cells = (row: readonly Cell[]): HTMLElement[] =>
    row.map((cell, index) => (index === 0 ? el("th", { scope: "row" }, cell) : el("td", { class: kind(index) }, cell)));
  const table = el(
    "table",
    { class: "data" },
    el("caption", { class: "unseen" }, caption),
    el("thead", {}, el("tr", {}, ...columns.map((title, index) => el("th", { scope: "col", class: kind(index) }, title)))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...cells(row)))),
    foot && el("tfoot", {}, el("tr", {}, ...cells(foot))),
  );
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, table);
}

/** Creates a service's name with its colour. */
export function serviceName(service: string, colour: number | undefined): HTMLElement {
  return el(
    "span",
    { class: colour === undefined ? "agent outside" : `agent c${colour}` },
    el("span", { class: "swatch", "aria-hidden": "true" }),
    el("span", { class: "label", title: service }, service),
  );
}

export function agentsSection({ agents }: TraceModel): HTMLElement {
  const longest = Math.max(...agents.map(({ total }) => total), 1e-9);
  const anyModels = agents.some(({ models }) => models > 0);
  const rows = agents.map(({ service, colour, calls, errors, total, own, callees, models, slowest }): Cell[] => [
    el("span", { class: "agent-bar" }, serviceName(service, colour), shares(colour, own / longest, callees / longest)),
    whole(calls),
    errors === 0 ? "0" : el("span", { class: "bad" }, `✕ ${whole(errors)}`),
    duration(total),
    duration(own),
    duration(callees),
    ...(anyModels ? [models === 0 ? "–" : duration(models)] : []),
    duration(slowest),
  ]);
  const columns = ["Agent", "Calls", "Errors", "Total", "Own", "Callees’", ...(anyModels ? ["In models"] : []), "Slowest call"];
  return section(
    "agents",
    "Latency of each agent",
    dataTable("Latency of each agent", columns, rows),
    el(
      "p",
      { class: "note" },
      "Total is the time in which the agent had an open span. Callees’ (pale in the bar) is the part in which it only waited for other agents of this trace; the rest is its own time" +
        (anyModels ? ", including models." : "."),
    ),
  );
}

function shares(colour: number, own: number, callees: number): HTMLElement {
  const made = el(
    "span",
    { class: `shares c${colour}`, "aria-hidden": "true" },
    el("span", { class: "own" }),
    el("span", { class: "callees" }),
  );
  setVariables(made, { own, callees });
  return made;
}

export function usageSection({ usage, agents }: TraceModel): HTMLElement {
  const { all, rows: byModel } = usage;
  const title = "Tokens and cost";
  if (all.requests === 0) {
    const names = el("code", {}, "gen_ai.usage.input_tokens");
    return section(
      "usage",
      title,
      el("p", { class: "muted" }, "No span records the usage of a model, for example in ", names, "."),
    );
  }
  const colourOf = new Map(agents.map(({ service, colour }) => [service, colour]));
  const anyCached = all.cached > 0;
  const rows = usage.agents.flatMap((agent): Cell[][] => {
    const models = byModel.filter(({ service }) => service === agent.service);
    const [only] = models;
    const line = [
      serviceName(agent.service, colourOf.get(agent.service)),
      models.length === 1 ? named(only?.model) : "all",
      ...figuresOf(agent, anyCached),
    ];
    if (models.length === 1) return [line];
    const parts: Cell[][] = [];
    for (const row of models)
      parts.push([el("span", { class: "sub" }, row.service), named(row.model), ...figuresOf(row, anyCached)]);
    return [line, ...parts];
  });
  const unpriced = [
    ...new Set(byModel.filter((row) => row.unpriced > 0).map(({ model }) => (model === "" ? "spans without a model" : model))),
  ];
  return section(
    "usage",
    title,
    dataTable(title, ["Agent", "Model", "Requests", "Input", ...(anyCached ? ["Cached"] : []), "Output", "Cost"], rows, {
      foot: ["Total", "", ...figuresOf(all, anyCached)],
      numbersFrom: 2,
    }),
    unpriced.length > 0 &&
      el(
        "p",
        { class: "note" },
        `No price is known for ${many(all.unpriced, "request")} (${unpriced.join(", ")}), so the sums do not include their cost.`,
      ),
  );
}

function named(model: string | undefined): string {
  return model === undefined || model === "" ? "(unknown)" : model;
}

type Sum = TraceModel["usage"]["all"];

function figuresOf(sum: Sum, withCached: boolean): Cell[] {
  const text = cost(sum);
  return [
    whole(sum.requests),
    whole(sum.input),
    ...(withCached ? [sum.cached === 0 ? "–" : whole(sum.cached)] : []),
    whole(sum.output),
    text === "unknown" ? el("em", {}, text) : text,
  ];
}
