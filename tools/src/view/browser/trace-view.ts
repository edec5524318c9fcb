import type { TraceModel } from "../model/model.ts";
import { detailsOf } from "./details/details.ts";
import type { DetailsEvents } from "./details/details.ts";
import { announce, el, section } from "./dom/elements.ts";
import { graphSection } from "./details/graph-view.ts";
import { headline } from "./details/headline.ts";
import { agentsSection, usageSection } from "./details/tables.ts";
import type { ViewState } from "./view-state.ts";
import { createWaterfall } from "./waterfall/waterfall.ts";
import type { OpenedBy } from "./waterfall/waterfall.ts";

export interface TraceView {
  readonly element: HTMLElement;
  /** Redraws what does not follow the theme automatically. */
  readonly redraw: () => void;
  /** Moves the focus back to the current row. */
  readonly focusRow: () => void;
}

export interface TraceViewOptions {
  readonly traceLink?: DetailsEvents["traceLink"];
  /** Called when another span is selected, or none. */
  readonly onSelect?: (spanId: string | undefined) => void;
}

/** Creates the view of a trace: its summary, the waterfall, details and tables. */
export function createTraceView(model: TraceModel, state: ViewState, { traceLink, onSelect }: TraceViewOptions = {}): TraceView {
  const byId = new Map(model.spans.map((span) => [span.spanId, span]));
  const side = el("div", { class: "side" });

  const show = (by: OpenedBy): void => {
    const span = byId.get(state.selected ?? "");
    layout.classList.toggle("with-details", span !== undefined);
    waterfall.markSelected();
    side.replaceChildren(
      ...(span === undefined ? [] : [detailsOf(span, model, { traceLink, onJump: (spanId) => jump(spanId), onClose: close })]),
    );
    if (by === "keyboard") side.querySelector<HTMLElement>("h3")?.focus();
    // In a narrow window the details are below the rows.
    else if (by === "pointer" && side.getBoundingClientRect().top > innerHeight - 120) side.scrollIntoView({ block: "center" });
  };
  const open = (spanId: string, by: OpenedBy): void => {
    state.selected = spanId;
    onSelect?.(spanId);
    show(by);
  };
  const close = (): void => {
    if (state.selected === undefined) return;
    state.selected = undefined;
    onSelect?.(undefined);
    show("following");
    waterfall.focusRow();
    announce("Details closed.");
  };
  const jump = (spanId: string): void => {
    state.selected = spanId;
    waterfall.reveal(spanId);
  };
  side.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });

  const waterfall = createWaterfall(model, state, { onOpen: open, onClose: close });
  const layout = el("div", { class: "split" }, el("div", {}, waterfall.grid, keys()), side);
  show("following");
  return {
    element: el(
      "div",
      { class: "trace" },
      headline(model),
      section("waterfall", "Waterfall", waterfall.controls, layout),
      el("div", { class: "cards" }, agentsSection(model), usageSection(model), graphSection(model)),
    ),
    redraw: waterfall.redraw,
    focusRow: waterfall.focusRow,
  };
}

const KEYS: readonly [string, string][] = [
  ["↑ ↓ Page Up Page Down Home End", "move between rows"],
  ["→ ←", "expand or collapse; go to the first child or the parent"],
  ["*", "expand all siblings"],
  ["Enter", "show details; Escape closes them"],
  ["+ − 0", "zoom in on the row's time, out, and to the whole trace"],
];

function keys(): HTMLElement {
  return el(
    "details",
    { class: "keys" },
    el("summary", {}, "Keyboard shortcuts and legend"),
    el("dl", {}, ...KEYS.flatMap(([key, meaning]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, meaning)])),
    el(
      "p",
      {},
      "A bar shows a span's duration. It is filled where no child is active (own time) and pale where a child is active. A tick on it is an event.",
    ),
  );
}
