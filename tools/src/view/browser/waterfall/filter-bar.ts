import type { Agent } from "../../model/agents.ts";
import { button, el } from "../dom/elements.ts";
import { many } from "../dom/format.ts";
import type { ViewState } from "../view-state.ts";

/** The controls that choose the visible spans. */
export interface FilterBar {
  readonly search: HTMLElement;
  readonly controls: HTMLElement;
  /** The agents with their colours; each can be hidden. */
  readonly legend: HTMLElement;
  /** Shows the number of matches. */
  readonly showResult: (result: string) => void;
  /** Removes all filters. */
  readonly reset: () => void;
}

export function createFilterBar(
  agents: readonly Agent[],
  state: ViewState,
  onChange: () => void,
  tree: { readonly expandAll: () => void; readonly collapseAll: () => void },
): FilterBar {
  const result = el("span", { role: "status", class: "result" });
  const input = el("input", {
    id: "search",
    type: "search",
    placeholder: "Search names, ids, attributes",
    "aria-label": "Search spans",
    autocomplete: "off",
    spellcheck: "false",
    value: state.filter.query,
  });
  input.addEventListener("input", () => {
    state.filter = { ...state.filter, query: input.value };
    onChange();
  });
  const errors = el("input", { type: "checkbox", checked: state.filter.errorsOnly });
  errors.addEventListener("change", () => {
    state.filter = { ...state.filter, errorsOnly: errors.checked };
    onChange();
  });
  const chips = agents.map(({ service, colour, spans }) => {
    const chip = button("", () => {
      const hidden = new Set(state.filter.hidden);
      if (!hidden.delete(service)) hidden.add(service);
      chip.setAttribute("aria-pressed", String(!hidden.has(service)));
      state.filter = { ...state.filter, hidden };
      onChange();
    });
    chip.className = `chip c${colour}`;
    chip.setAttribute("aria-pressed", String(!state.filter.hidden.has(service)));
    chip.title = `Show or hide the spans of ${service}`;
    chip.append(
      el("span", { class: "swatch", "aria-hidden": "true" }),
      el("span", { class: "label" }, service),
      " ",
      el("span", { class: "muted" }, many(spans, "span")),
    );
    return chip;
  });
  return {
    search: el("div", { class: "search" }, input, result),
    controls: el(
      "div",
      { class: "group", role: "group", "aria-label": "Rows" },
      el("label", { class: "check" }, errors, " Errors only"),
      button("Expand all", tree.expandAll),
      button("Collapse all", tree.collapseAll),
    ),
    legend: el("div", { class: "legend", role: "group", "aria-label": "Agents shown" }, ...chips),
    showResult: (text) => {
      // Screen readers would announce an unchanged text again.
      if (result.textContent !== text) result.textContent = text;
    },
    reset: () => {
      input.value = "";
      errors.checked = false;
      for (const chip of chips) chip.setAttribute("aria-pressed", "true");
      state.filter = { query: "", errorsOnly: false, hidden: new Set() };
      onChange();
    },
  };
}
