import type { Allocation } from "../measure/memory.ts";
import type { Cost } from "../measure/cost.ts";
import { BYTES_TOLERANCE } from "../targets.ts";
import type { Limits } from "../targets.ts";

/** One measured quantity beside its limit. */
export interface Finding {
  readonly quantity: keyof Limits;
  readonly measured: number;
  readonly limit: number;
  readonly verdict: Verdict;
}

/** `within` and `above` mean that the whole interval of the measurement is on that side of the limit. */
export type Verdict = "within" | "unclear" | "above";

export function judgeCost({ own, ratio }: Cost, limits: Limits): Finding[] {
  const findings: Finding[] = [];
  if (limits.ownTime !== undefined) findings.push(judgeEstimate("ownTime", own, limits.ownTime));
  if (limits.ratio !== undefined) findings.push(judgeEstimate("ratio", ratio, limits.ratio));
  return findings;
}

function judgeEstimate(quantity: keyof Limits, { value, low, high }: Cost["own"], limit: number): Finding {
  const verdict = low >= limit ? "above" : high < limit ? "within" : "unclear";
  return { quantity, measured: value, limit, verdict };
}

export function judgeAllocation({ traced }: Allocation, { bytes }: Limits): Finding[] {
  if (bytes === undefined) return [];
  return [{ quantity: "bytes", measured: traced, limit: bytes, verdict: traced <= bytes + BYTES_TOLERANCE ? "within" : "above" }];
}

/** A measurement of 0 means that no header was sent at all, which is an error too. */
export function judgeHeaderBytes(measured: number, { headerBytes }: Limits): Finding[] {
  if (headerBytes === undefined) return [];
  return [
    { quantity: "headerBytes", measured, limit: headerBytes, verdict: measured > 0 && measured < headerBytes ? "within" : "above" },
  ];
}

/**
 * Measures in up to `processes` processes, until no finding is above its limit in all of them. A quantity exceeds its limit only if every process
 * says so: V8 optimizes the same code a little differently in each process, and an interval covers only what varies within one.
 */
export async function confirm(measure: () => Promise<Finding[]>, processes: number): Promise<Finding[]> {
  let findings = await measure();
  for (let asked = 1; asked < processes && findings.some(isAbove); asked++) {
    findings = keepAcquitted(findings, await measure());
  }
  return findings;
}

export function isAbove({ verdict }: Finding): boolean {
  return verdict === "above";
}

/** For each quantity, the finding that is not above its limit, if there is one. */
function keepAcquitted(earlier: readonly Finding[], later: readonly Finding[]): Finding[] {
  return later.map((finding) => {
    const known = earlier.find(({ quantity }) => quantity === finding.quantity);
    return known !== undefined && !isAbove(known) ? known : finding;
  });
}
