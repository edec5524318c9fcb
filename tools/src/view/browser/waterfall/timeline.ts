import { button, el, setVariables } from "../dom/elements.ts";
import { duration } from "../dom/format.ts";
import { scaleWindow, ticks, wholeTrace, clampWindow } from "./time-window.ts";
import type { TimeWindow } from "./time-window.ts";
import type { ViewState } from "../view-state.ts";

/** The time axis: the visible part of the trace, and the controls that change it. */
export interface Timeline {
  /** The axis in the column's heading. */
  readonly axis: HTMLElement;
  /** The lines behind the bars. */
  readonly lines: HTMLElement;
  readonly controls: HTMLElement;
  readonly show: (window: TimeWindow | undefined) => void;
  readonly zoom: (factor: number, middle?: number) => void;
  readonly current: () => TimeWindow;
}

/** The width of a label of the axis in pixels, including its margin. */
const LABEL_WIDTH = 90;

/** @param host the element that contains the bars; they are positioned by its CSS variables. */
export function createTimeline(total: number, state: ViewState, host: HTMLElement, onChange: () => void): Timeline {
  const axis = el("div", { class: "axis track", title: "Drag to zoom in, double-click for the whole trace" });
  const lines = el("div", { class: "track" });
  const current = (): TimeWindow => (state.window === undefined ? wholeTrace(total) : clampWindow(state.window, total));

  const draw = (): void => {
    const { from, to } = current();
    setVariables(host, { from, scale: 1 / (to - from) });
    const width = axis.clientWidth || 600;
    const times = ticks({ from, to }, Math.max(1, Math.floor(width / LABEL_WIDTH)));
    // A label near the right edge would be cut off.
    const labelled = times.filter((time) => ((to - time) / (to - from)) * width > LABEL_WIDTH / 2);
    axis.replaceChildren(...labelled.map((time) => tick(time, duration(time))), selection);
    lines.replaceChildren(...times.map((time) => tick(time)));
    const label = `Timeline, ${duration(from)} to ${duration(to)}`;
    axis.setAttribute("aria-label", label);
    onChange();
  };
  const show = (window: TimeWindow | undefined): void => {
    const next = window && clampWindow(window, total);
    const all = wholeTrace(total);
    state.window = next === undefined || (next.from <= all.from && next.to >= all.to) ? undefined : next;
    draw();
  };
  const zoom = (factor: number, middle?: number): void => show(scaleWindow(current(), factor, middle));
  const move = (share: number): void => {
    const { from, to } = current();
    const by = (to - from) * share;
    show({ from: from + by, to: to + by });
  };

  const selection = el("span", { class: "selection" });
  dragToSelect(axis, selection, (a, b) => {
    const { from, to } = current();
    show({ from: from + a * (to - from), to: from + b * (to - from) });
  });
  axis.addEventListener("dblclick", () => show(undefined));
  new ResizeObserver(draw).observe(axis);
  const controls = el(
    "div",
    { class: "group", role: "group", "aria-label": "Timeline" },
    button("Zoom in", () => zoom(0.5), { sign: "+" }),
    button("Zoom out", () => zoom(2), { sign: "−" }),
    button("Earlier", () => move(-0.5), { sign: "◂" }),
    button("Later", () => move(0.5), { sign: "▸" }),
    button("Whole trace", () => show(undefined)),
  );
  return { axis, lines, controls, show, zoom, current };
}

function tick(time: number, label?: string): HTMLElement {
  const made = el("span", { class: "tick", "aria-hidden": "true" }, label);
  setVariables(made, { s: time });
  return made;
}

/** Reports the range that the user selects by dragging, as fractions of the element's width. Less than four pixels count as a click. */
export function dragToSelect(element: HTMLElement, selection: HTMLElement, onSelect: (from: number, to: number) => void): void {
  let start: number | undefined;
  const share = (event: PointerEvent): number => {
    const { left, width } = element.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - left) / width));
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = share(event);
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    if (start === undefined) return;
    const [from, to] = [start, share(event)].toSorted((a, b) => a - b) as [number, number];
    setVariables(selection, { a: from, b: to });
    selection.classList.add("active");
  });
  const end = (event: PointerEvent): void => {
    selection.classList.remove("active");
    if (start === undefined) return;
    const [from, to] = [start, share(event)].toSorted((a, b) => a - b) as [number, number];
    start = undefined;
    if (event.type === "pointerup" && (to - from) * element.clientWidth >= 4) onSelect(from, to);
  };
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
}
