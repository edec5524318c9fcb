/** One call; a promise where it takes turns of the event loop. */
export type Call = () => unknown;

/** The same work three times over: without tracing, with the bare SDK calls for the same span and headers, with this library. */
export interface Trio {
  readonly base: Call;
  readonly floor: Call;
  readonly traced: Call;
  /** The headers that the last call sent. */
  readonly sent: () => Record<string, string>;
}

export const SUBJECTS = ["base", "floor", "traced"] as const;
export type Subject = (typeof SUBJECTS)[number];

/** Makes a number of calls, one after another or so many at a time. */
export function repeat(call: Call, calls: number, inFlight = 1): Promise<void> | undefined {
  if (inFlight > 1) return repeatTogether(call, calls, inFlight);
  const first = call();
  if (first instanceof Promise) return repeatAwaited(call, calls - 1, first);
  for (let i = 1; i < calls; i++) call();
  return undefined;
}

async function repeatAwaited(call: Call, calls: number, first: Promise<unknown>): Promise<void> {
  await first;
  // oxlint-disable-next-line no-await-in-loop -- one after another is what is measured
  for (let i = 0; i < calls; i++) await call();
}

async function repeatTogether(call: Call, calls: number, inFlight: number): Promise<void> {
  for (let made = 0; made < calls; made += inFlight) {
    const open: unknown[] = [];
    for (let i = 0; i < inFlight; i++) open.push(call());
    // oxlint-disable-next-line no-await-in-loop -- so many at a time
    await Promise.all(open);
  }
}

/** The same trio whose traced call takes so many microseconds longer: what the gate must catch. */
export function delayed(trio: Trio, microseconds: number): Trio {
  if (microseconds === 0) return trio;
  const traced: Call = () => {
    const until = performance.now() + microseconds / 1000;
    while (performance.now() < until);
    return trio.traced();
  };
  return { ...trio, traced };
}
