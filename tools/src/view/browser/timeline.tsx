import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { duration } from "../model/format.ts";
import type { TraceModel } from "../model/model.ts";
import { Button } from "./elements.tsx";
import { clampWindow, scaleWindow, ticks, wholeTrace } from "./time-window.ts";
import type { TimeWindow } from "./time-window.ts";

/** The visible part of the trace, and how to change it. */
export interface Timeline {
  readonly window: TimeWindow;
  readonly show: (window: TimeWindow | undefined) => void;
  readonly zoom: (factor: number, middle?: number) => void;
}

export function useTimeline(total: number): Timeline {
  // Undefined is the whole trace, also if it grows.
  const [chosen, choose] = useState<TimeWindow>();
  const all = wholeTrace(total);
  const window = chosen === undefined ? all : clampWindow(chosen, total);
  const show = (wanted: TimeWindow | undefined): void => {
    const next = wanted && clampWindow(wanted, total);
    choose(next === undefined || (next.from <= all.from && next.to >= all.to) ? undefined : next);
  };
  return { window, show, zoom: (factor, middle) => show(scaleWindow(window, factor, middle)) };
}

export function TimelineControls({ timeline: { window, show, zoom } }: { timeline: Timeline }): VNode {
  const move = (share: number): void => {
    const by = (window.to - window.from) * share;
    show({ from: window.from + by, to: window.to + by });
  };
  return (
    <div class="group" role="group" aria-label="Timeline">
      <Button label="Zoom in" sign="+" onClick={() => zoom(0.5)} />
      <Button label="Zoom out" sign="−" onClick={() => zoom(2)} />
      <Button label="Earlier" sign="◂" onClick={() => move(-0.5)} />
      <Button label="Later" sign="▸" onClick={() => move(0.5)} />
      <Button label="Whole trace" onClick={() => show(undefined)} />
    </div>
  );
}

/** The width of a label of the axis in pixels, including its margin. */
const LABEL_WIDTH = 90;

/** The times to mark on an axis of this width, and which of them have room for a label: one near the right edge would be cut off. */
export function marks({ from, to }: TimeWindow, width: number): { time: number; isLabelled: boolean }[] {
  return ticks({ from, to }, Math.max(1, Math.floor(width / LABEL_WIDTH))).map((time) => ({
    time,
    isLabelled: ((to - time) / (to - from)) * width > LABEL_WIDTH / 2,
  }));
}

export function Tick({ time, children }: { time: number; children?: string }): VNode {
  return (
    <span class="tick" aria-hidden="true" style={{ "--s": time }}>
      {children}
    </span>
  );
}

/** The axis in the column's heading. */
export function Axis({ timeline: { window, show }, onResize, width }: AxisProps): VNode {
  const { from, to } = window;
  const select = (a: number, b: number): void => show({ from: from + a * (to - from), to: from + b * (to - from) });
  const { element, handlers, selection } = useDrag(select);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => onResize(element.current?.clientWidth || 600));
    if (element.current !== null) observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return (
    <div
      ref={element}
      role="columnheader"
      class="axis track"
      title="Drag to zoom in, double-click for the whole trace"
      aria-label={`Timeline, ${duration(from)} to ${duration(to)}`}
      onDblClick={() => show(undefined)}
      {...handlers}
    >
      {marks(window, width).map(({ time, isLabelled }) => isLabelled && <Tick time={time}>{duration(time)}</Tick>)}
      {selection}
    </div>
  );
}

interface AxisProps {
  readonly timeline: Timeline;
  readonly width: number;
  readonly onResize: (width: number) => void;
}

/** Reports the range that the user selects by dragging, as fractions of the element's width. Less than four pixels count as a click. */
function useDrag(onSelect: (from: number, to: number) => void): Drag {
  const element = useRef<HTMLDivElement>(null);
  const start = useRef<number>(undefined);
  const [range, setRange] = useState<readonly [number, number]>();
  const rangeTo = ({ clientX }: PointerEvent): [number, number] => {
    const { left, width } = element.current?.getBoundingClientRect() ?? { left: 0, width: 1 };
    const share = Math.min(1, Math.max(0, (clientX - left) / width));
    return [start.current ?? share, share].toSorted((a, b) => a - b) as [number, number];
  };
  const end = (event: PointerEvent): void => {
    const [from, to] = rangeTo(event);
    const isSelection = start.current !== undefined && (to - from) * (element.current?.clientWidth ?? 0) >= 4;
    start.current = undefined;
    setRange(undefined);
    if (isSelection && event.type === "pointerup") onSelect(from, to);
  };
  const handlers = {
    onPointerDown: (event: PointerEvent): void => {
      if (event.button !== 0) return;
      [start.current] = rangeTo(event);
      element.current?.setPointerCapture(event.pointerId);
    },
    onPointerMove: (event: PointerEvent): void => {
      if (start.current !== undefined) setRange(rangeTo(event));
    },
    onPointerUp: end,
    onPointerCancel: end,
  };
  const selection = range && <span class="selection active" style={{ "--a": range[0], "--b": range[1] }} />;
  return { element, handlers, selection };
}

interface Drag {
  readonly element: { current: HTMLDivElement | null };
  readonly handlers: Record<"onPointerDown" | "onPointerMove" | "onPointerUp" | "onPointerCancel", (event: PointerEvent) => void>;
  readonly selection: VNode | undefined;
}

/** In pixels. */
const OVERVIEW_HEIGHT = 56;

/** A small picture of the whole trace that marks the visible part. It repeats the content of the rows, so it is hidden from screen readers. */
export function Overview({ model, timeline }: { model: TraceModel; timeline: Timeline }): VNode {
  const { to: total } = wholeTrace(model.duration);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { element, handlers, selection } = useDrag((from, to) => timeline.show({ from: from * total, to: to * total }));
  useEffect(() => {
    const draw = (): void => {
      if (canvas.current !== null) drawOverview(canvas.current, model, total);
    };
    const observer = new ResizeObserver(draw);
    if (element.current !== null) observer.observe(element.current);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    addEventListener("theme", draw);
    return () => {
      observer.disconnect();
      dark.removeEventListener("change", draw);
      removeEventListener("theme", draw);
    };
  }, [model]);
  const { from, to } = timeline.window;
  return (
    <div ref={element} class="overview" aria-hidden="true" {...handlers}>
      <canvas ref={canvas} />
      <span class="window" hidden={from <= 0 && to >= total} style={{ "--a": from / total, "--b": to / total }} />
      {selection}
    </div>
  );
}

function drawOverview(canvas: HTMLCanvasElement, { spans, agents }: TraceModel, total: number): void {
  const { clientWidth: width } = canvas;
  const context = canvas.getContext("2d");
  if (context === null || width === 0) return;
  canvas.width = width * devicePixelRatio;
  canvas.height = OVERVIEW_HEIGHT * devicePixelRatio;
  context.scale(devicePixelRatio, devicePixelRatio);
  const style = getComputedStyle(document.documentElement);
  const colours = new Map(agents.map(({ service, colour }) => [service, style.getPropertyValue(`--c${colour}`)]));
  const error = style.getPropertyValue("--error");
  const height = Math.min(4, OVERVIEW_HEIGHT / spans.length);
  for (const [index, { start, duration: lasts, service, failed }] of spans.entries()) {
    context.fillStyle = failed ? error : (colours.get(service) ?? "");
    const length = Math.max(1, (lasts / total) * width);
    context.fillRect((start / total) * width, index * height, length, Math.max(0.75, height * 0.75));
  }
}
