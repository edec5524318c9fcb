/** Makes one call. It returns a promise if the call is asynchronous. */
export type Call = () => unknown;

/** The same call in three variants. */
export interface CallVariants {
  /** Without tracing. */
  readonly untraced: Call;
  /** The SDK baseline: with the bare SDK calls that make the same span and the same headers. */
  readonly baseline: Call;
  /** With this library. */
  readonly traced: Call;
  /** The headers that the last traced call sent. */
  readonly sentHeaders: () => Record<string, string>;
}

export const VARIANTS = ["untraced", "baseline", "traced"] as const;
export type Variant = (typeof VARIANTS)[number];

/** Makes a number of calls: one after another, or in groups of `inFlight` calls at a time. */
export function repeatCall(call: Call, count: number, inFlight = 1): Promise<void> | undefined {
  if (inFlight > 1) return repeatInGroups(call, count, inFlight);
  const first = call();
  if (first instanceof Promise) return repeatAwaited(call, count - 1, first);
  for (let i = 1; i < count; i++) call();
  return undefined;
}

async function repeatAwaited(call: Call, count: number, first: Promise<unknown>): Promise<void> {
  await first;
  for (let i = 0; i < count; i++) await call();
}

async function repeatInGroups(call: Call, count: number, inFlight: number): Promise<void> {
  for (let made = 0; made < count; made += inFlight) {
    await Promise.all(Array.from({ length: inFlight }, call));
  }
}

/** Delays each traced call by a number of microseconds of CPU time, to test that the gate notices it. */
export function delayTraced(variants: CallVariants, microseconds: number): CallVariants {
  if (microseconds === 0) return variants;
  const traced: Call = () => {
    const end = performance.now() + microseconds / 1000;
    while (performance.now() < end);
    return variants.traced();
  };
  return { ...variants, traced };
}
