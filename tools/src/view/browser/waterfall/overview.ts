import type { SpanView } from "../../model/span-view.ts";
import { el, setVariables } from "../dom/elements.ts";
import { wholeTrace } from "./time-window.ts";
import type { TimeWindow } from "./time-window.ts";
import { dragToSelect } from "./timeline.ts";

/** A small picture of the whole trace that marks the visible part. It repeats the content of the rows, so it is hidden from screen readers. */
export interface Overview {
  readonly element: HTMLElement;
  readonly mark: (window: TimeWindow) => void;
  /** Redraws it in the colours of the theme. */
  readonly draw: () => void;
}

/** In pixels. */
const HEIGHT = 56;

export function createOverview(
  spans: readonly SpanView[],
  colourOf: ReadonlyMap<string, number>,
  total: number,
  onSelect: (window: TimeWindow) => void,
): Overview {
  const whole = wholeTrace(total);
  const canvas = el("canvas");
  const shown = el("span", { class: "window" });
  const selection = el("span", { class: "selection" });
  const element = el("div", { class: "overview", "aria-hidden": "true" }, canvas, shown, selection);
  dragToSelect(element, selection, (from, to) => onSelect({ from: from * whole.to, to: to * whole.to }));

  const draw = (): void => {
    const { clientWidth: width } = element;
    const context = canvas.getContext("2d");
    if (context === null || width === 0) return;
    const ratio = devicePixelRatio;
    canvas.width = width * ratio;
    canvas.height = HEIGHT * ratio;
    context.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const row = Math.min(4, HEIGHT / spans.length);
    for (const [index, { start, duration, service, failed }] of spans.entries()) {
      context.fillStyle = style.getPropertyValue(failed ? "--error" : `--c${colourOf.get(service) ?? 0}`);
      context.fillRect(
        (start / whole.to) * width,
        index * row,
        Math.max(1, (duration / whole.to) * width),
        Math.max(0.75, row * 0.75),
      );
    }
  };
  new ResizeObserver(draw).observe(element);
  return {
    element,
    draw,
    mark: ({ from, to }) => {
      setVariables(shown, { a: from / whole.to, b: to / whole.to });
      shown.hidden = from <= 0 && to >= whole.to;
    },
  };
}
