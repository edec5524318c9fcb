import { FIGURES, HEADER_BYTES, HELD } from "../figures.ts";
import { allocated, headersAdded, timing } from "../measure/processes.ts";
import type { Measuring } from "../measure/processes.ts";
import { USUAL } from "../rows/options.ts";
import type { RowName, RowSpec } from "../rows/options.ts";
import type { State } from "../rows/telemetry.ts";
import { byteFindings, timeFindings } from "./verdict.ts";
import type { Finding } from "./verdict.ts";

/** Something that the gate asks a process of its own. */
export interface Check {
  readonly name: string;
  readonly measure: () => Promise<Finding[]>;
}

const STATES: readonly State[] = ["sampled", "unsampled", "none"];
/** Half of the rounds of the table; the interval tells what they leave open. */
const SHARE = 0.5;

export function checks({ share = SHARE, delay = 0 }: Measuring = {}): Check[] {
  const found: Check[] = [];
  for (const row of Object.keys(FIGURES) as RowName[]) {
    if (FIGURES[row] === undefined) continue;
    const figures = { ...FIGURES[row], ...HELD[row] };
    for (const state of STATES) {
      const spec: RowSpec = { ...USUAL, row, state };
      const time = (): Promise<Finding[]> => timing(spec, { share, delay }).then((timed) => timeFindings(state, timed, figures));
      const bytes = (): Promise<Finding[]> => allocated(spec).then((counted) => byteFindings(state, counted, figures));
      if (hasTime(row, state)) found.push({ name: `${row}, ${NAMES[state]}: time`, measure: time });
      if (hasBytes(row, state)) found.push({ name: `${row}, ${NAMES[state]}: memory`, measure: bytes });
    }
  }
  return [...found, { name: "headers added, without baggage", measure: headers }];
}

export const NAMES: Record<State, string> = {
  none: "no SDK",
  forward: "no SDK, a trace came in",
  unsampled: "unsampled",
  sampled: "sampled",
};

async function headers(): Promise<Finding[]> {
  const measured = await headersAdded({ ...USUAL, row: "fetch" });
  // None at all would be no good sign either.
  const kept = measured > 0 && measured < HEADER_BYTES;
  return [{ what: "header bytes", measured, limit: HEADER_BYTES, kept, clear: !kept }];
}

function hasTime(row: RowName, state: State): boolean {
  const { sampledTime, noSdkTime, unsampledRatio } = FIGURES[row] ?? {};
  return { sampled: sampledTime, none: noSdkTime, unsampled: unsampledRatio, forward: undefined }[state] !== undefined;
}

function hasBytes(row: RowName, state: State): boolean {
  const { sampledBytes, noSdkBytes, unsampledBytes } = FIGURES[row] ?? {};
  return { sampled: sampledBytes, none: noSdkBytes, unsampled: unsampledBytes, forward: undefined }[state] !== undefined;
}
