import { inOrder, times } from "../measure/in-order.ts";
import type { Allocation } from "../measure/allocation.ts";
import { allocated, slowestTime, timing } from "../measure/processes.ts";
import { median, together } from "../measure/statistics.ts";
import type { Estimate } from "../measure/statistics.ts";
import type { RowSpec } from "../rows/options.ts";

/** How thoroughly all is measured. */
export interface Thoroughness {
  readonly processes: number;
  /** Of the usual number of rounds, so many. */
  readonly share: number;
  readonly progress: (text: string) => void;
}

/** What several processes say of one row. Times in microseconds. */
export interface Measured {
  readonly spec: RowSpec;
  readonly base: number;
  readonly floor: number;
  readonly own: Estimate;
  readonly ratio: Estimate;
  readonly bytes: Allocation;
  readonly slowest: number | undefined;
}

export async function measured(name: string, spec: RowSpec, how: Thoroughness, wantsSlowest = false): Promise<Measured> {
  const timings: Awaited<ReturnType<typeof timing>>[] = [];
  await inOrder(times(how.processes), async (turn) => {
    how.progress(`${name}: process ${turn + 1} of ${how.processes}`);
    timings.push(await timing(spec, { share: how.share }));
  });
  how.progress(`${name}: memory`);
  const bytes = await allocated(spec);
  return {
    spec,
    base: median(timings.map((each) => each.base)),
    floor: median(timings.map((each) => each.floor)),
    own: together(timings.map((each) => each.traced)),
    ratio: together(timings.map((each) => each.ratio)),
    bytes,
    slowest: wantsSlowest ? await slowestTime(spec) : undefined,
  };
}
