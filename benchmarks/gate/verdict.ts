import { BYTES_TOLERANCE } from "../figures.ts";
import type { Figures } from "../figures.ts";
import type { Allocation } from "../measure/allocation.ts";
import type { Timing } from "../measure/rotation.ts";
import type { Estimate } from "../measure/statistics.ts";
import type { State } from "../rows/telemetry.ts";

/** Something that one process measured and that has a limit. */
export interface Finding {
  readonly what: string;
  readonly measured: number;
  readonly limit: number;
  readonly kept: boolean;
  /** Whether it is broken beyond doubt: the whole interval lies above the limit. */
  readonly clear: boolean;
}

/** What the time of one process says. */
export function timeFindings(state: State, { traced, floor, ratio }: Timing, figures: Figures): Finding[] {
  const findings: Finding[] = [];
  if (state === "sampled") findings.push(promised(traced.median, figures.sampledTime * slowness(floor, figures.usualFloor)));
  if (state === "none" && figures.noSdkTime !== undefined) findings.push(estimated("us", traced, figures.noSdkTime));
  const limit = state === "sampled" ? figures.sampledRatio : state === "unsampled" ? figures.unsampledRatio : undefined;
  if (limit !== undefined) findings.push(estimated("of the floor", ratio, limit));
  return findings;
}

/** At this a call that takes 15 us more is caught still. */
const SLOWEST_MACHINE = 1.5;

/** How many times as long a machine takes that is busy with other things: told by the floor, for what the SDK's own calls take longer ours do too. */
function slowness(floor: number, usual: number | undefined): number {
  return usual === undefined ? 1 : Math.min(SLOWEST_MACHINE, Math.max(1, floor / usual));
}

/** The promise is "less than", and each process's median counts as it is. */
function promised(measured: number, limit: number): Finding {
  const kept = measured < limit;
  return { what: "us", measured, limit, kept, clear: !kept };
}

function estimated(what: string, { median, low }: Estimate, limit: number): Finding {
  return { what, measured: median, limit, kept: median <= limit, clear: low > limit };
}

/** What the allocations of one process say. */
export function byteFindings(state: State, { traced }: Allocation, figures: Figures): Finding[] {
  const limits = { none: figures.noSdkBytes, forward: undefined, unsampled: figures.unsampledBytes, sampled: figures.sampledBytes };
  const limit = limits[state];
  if (limit === undefined) return [];
  const kept = traced <= limit + BYTES_TOLERANCE;
  return [{ what: "bytes", measured: traced, limit, kept, clear: !kept }];
}

/** How many processes must agree. */
const PROCESSES = 3;

/**
 * Asks processes until each limit was kept by one of them, or until {@link PROCESSES} have been asked. A limit is broken if none kept it and one
 * at least is beyond doubt: chance would have to be against a good build three times, once by a whole interval; and a bad one that is let
 * through would have to be in luck.
 */
export async function agree(measure: () => Promise<Finding[]>, asked = 1, known: readonly Finding[] = []): Promise<Finding[]> {
  const measured = await measure();
  const findings = measured.map((latest): Finding => {
    const earlier = known.find(({ what }) => what === latest.what);
    const { what, limit } = latest;
    const shown = earlier?.kept === true ? earlier : latest;
    return { what, limit, measured: shown.measured, kept: shown.kept, clear: latest.clear || earlier?.clear === true };
  });
  if (findings.every(({ kept }) => kept)) return findings;
  return asked === PROCESSES ? findings : agree(measure, asked + 1, findings);
}

export function isBroken({ kept, clear }: Finding): boolean {
  return !kept && clear;
}
