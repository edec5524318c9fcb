import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { confirm, judgeAllocation, judgeCost, judgeHeaderBytes } from "../../benchmarks/gate/judge.ts";
import type { Finding, Verdict } from "../../benchmarks/gate/judge.ts";
import type { Cost } from "../../benchmarks/measure/cost.ts";

const GATE = fileURLToPath(new URL("../../benchmarks/gate.ts", import.meta.url));

const verdicts = (findings: readonly Finding[]): Verdict[] => findings.map(({ verdict }) => verdict);

describe("judgeCost", () => {
  function createCost({ own = [4, 4.2], ratio = [1.1, 1.2] }: { own?: [number, number]; ratio?: [number, number] }): Cost {
    const estimate = ([low, high]: [number, number]): Cost["own"] => ({ value: (low + high) / 2, low, high });
    return { untraced: 1, baseline: 3, own: estimate(own), ratio: estimate(ratio), medianOwn: 5 };
  }

  it("finds an own time above its limit if the whole interval is", () => {
    expect(verdicts(judgeCost(createCost({ own: [10, 10.2] }), { ownTime: 10 }))).toEqual(["above"]);
  });

  it("finds an own time within its limit if the whole interval is", () => {
    expect(verdicts(judgeCost(createCost({ own: [9.7, 9.9] }), { ownTime: 10 }))).toEqual(["within"]);
  });

  it("finds an own time unclear if its interval contains the limit", () => {
    expect(verdicts(judgeCost(createCost({ own: [9.9, 10.1] }), { ownTime: 10 }))).toEqual(["unclear"]);
  });

  it("finds a ratio above its limit if the whole interval is", () => {
    expect(verdicts(judgeCost(createCost({ ratio: [1.41, 1.5] }), { ratio: 1.4 }))).toEqual(["above"]);
  });

  it("finds a ratio unclear if its interval contains the limit", () => {
    expect(verdicts(judgeCost(createCost({ ratio: [1.35, 1.5] }), { ratio: 1.4 }))).toEqual(["unclear"]);
  });

  it("judges only what has a limit", () => {
    expect(judgeCost(createCost({ own: [50, 60] }), { bytes: 100 })).toEqual([]);
  });
});

describe("judgeAllocation", () => {
  it("finds bytes within their limit", () => {
    expect(verdicts(judgeAllocation({ baseline: 5000, traced: 6500 }, { bytes: 6500 }))).toEqual(["within"]);
  });

  it("finds bytes above their limit", () => {
    expect(verdicts(judgeAllocation({ baseline: 5000, traced: 6600 }, { bytes: 6500 }))).toEqual(["above"]);
  });

  it("ignores bytes without a limit", () => {
    expect(judgeAllocation({ baseline: 5000, traced: 9000 }, { ownTime: 10 })).toEqual([]);
  });
});

describe("judgeHeaderBytes", () => {
  it("finds header bytes within their limit", () => {
    expect(verdicts(judgeHeaderBytes(70, { headerBytes: 200 }))).toEqual(["within"]);
  });

  it("fails if no header was sent", () => {
    expect(verdicts(judgeHeaderBytes(0, { headerBytes: 200 }))).toEqual(["above"]);
  });
});

describe("confirm", () => {
  interface Confirmed {
    readonly processes: number;
    readonly verdicts: Verdict[];
  }

  /** Confirms with processes whose verdicts are given: one list for each process, with one verdict for each quantity. */
  async function confirmWith(...verdictsByProcess: Verdict[][]): Promise<Confirmed> {
    const quantities = ["ownTime", "ratio"] as const;
    let processes = 0;
    const findings = await confirm(async () => {
      const found = verdictsByProcess[processes++] as Verdict[];
      return found.map((verdict, i) => ({ quantity: quantities[i] as "ownTime", measured: 1, limit: 1, verdict }));
    }, 3);
    return { processes, verdicts: verdicts(findings) };
  }

  it("asks one process if no finding is above its limit", async () => {
    expect(await confirmWith(["within"])).toEqual({ processes: 1, verdicts: ["within"] });
  });

  it("accepts an unclear finding of one process", async () => {
    expect(await confirmWith(["unclear"])).toEqual({ processes: 1, verdicts: ["unclear"] });
  });

  it("stops at the first process whose finding is not above the limit", async () => {
    expect(await confirmWith(["above"], ["within"])).toEqual({ processes: 2, verdicts: ["within"] });
  });

  it("finds a limit exceeded if all three processes do", async () => {
    expect(await confirmWith(["above"], ["above"], ["above"])).toEqual({ processes: 3, verdicts: ["above"] });
  });

  it("confirms each quantity separately", async () => {
    const confirmed = await confirmWith(["above", "above"], ["within", "above"], ["above", "above"]);
    expect(confirmed).toEqual({ processes: 3, verdicts: ["within", "above"] });
  });
});

describe("the gate", () => {
  it("fails if each call of undici takes 10 us longer", { timeout: 180_000 }, () => {
    const options = ["--only", "undici, sampled", "--delay", "10"];
    const { status, stdout } = spawnSync(process.execPath, [GATE, ...options], { encoding: "utf8" });
    expect(stdout).toMatch(/^FAIL {2}undici, sampled +(?:1\d|[2-9]\d)[\d.]* us own time +limit 10$/m);
    expect(status).toBe(1);
  });
});
