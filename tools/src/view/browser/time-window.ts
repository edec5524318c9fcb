/** The part of the trace that the timeline shows, in milliseconds since the start of the trace. */
export interface TimeWindow {
  readonly from: number;
  readonly to: number;
}

/** Limits the window to the bounds of a trace with a duration. */
export function clampWindow({ from, to }: TimeWindow, duration: number): TimeWindow {
  // Spans have a resolution of a nanosecond.
  const width = Math.min(Math.max(to - from, 1e-6), wholeTrace(duration).to);
  const start = Math.min(Math.max(from, 0), wholeTrace(duration).to - width);
  return { from: start, to: start + width };
}

/** The window of the whole trace; a trace with a duration of zero gets a millisecond, so that it can be drawn. */
export function wholeTrace(duration: number): TimeWindow {
  return { from: 0, to: duration > 0 ? duration : 1 };
}

/** Scales the window around a time: 0.5 shows half of the time, 2 twice as much. */
export function scaleWindow({ from, to }: TimeWindow, factor: number, middle: number = (from + to) / 2): TimeWindow {
  const half = ((to - from) * factor) / 2;
  return { from: middle - half, to: middle + half };
}

/** The times to mark on an axis: at most `most`, at multiples of 1, 2 or 5 times a power of ten. */
export function ticks({ from, to }: TimeWindow, most: number): number[] {
  const rough = (to - from) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  // Multiplication, because a repeated addition would accumulate rounding errors.
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}
