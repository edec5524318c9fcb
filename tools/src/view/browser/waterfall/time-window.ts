/** The part of the trace that the timeline shows, in milliseconds since its beginning. */
export interface TimeWindow {
  readonly from: number;
  readonly to: number;
}

/** Moves and scales the window on a trace of a duration, within its bounds. */
export function within({ from, to }: TimeWindow, duration: number): TimeWindow {
  // A nanosecond is the shortest that spans can tell of.
  const width = Math.min(Math.max(to - from, 1e-6), wholeOf(duration).to);
  const start = Math.min(Math.max(from, 0), wholeOf(duration).to - width);
  return { from: start, to: start + width };
}

/** A trace that takes no time is given a millisecond, so that there is something to draw. */
export function wholeOf(duration: number): TimeWindow {
  return { from: 0, to: duration > 0 ? duration : 1 };
}

/** Scales and has a time in the middle: 0.5 shows half the time, 2 twice. */
export function scaled({ from, to }: TimeWindow, factor: number, middle: number = (from + to) / 2): TimeWindow {
  const half = ((to - from) * factor) / 2;
  return { from: middle - half, to: middle + half };
}

/** The times to mark on an axis: at most `most` of them, at 1, 2 or 5 times a power of ten. */
export function ticks({ from, to }: TimeWindow, most: number): number[] {
  const rough = (to - from) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  // Multiplied, not added up, so that no error grows.
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}
