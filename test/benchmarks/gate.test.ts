import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { agree, byteFindings, isBroken, timeFindings } from "../../benchmarks/gate/verdict.ts";
import type { Finding } from "../../benchmarks/gate/verdict.ts";
import type { Timing } from "../../benchmarks/measure/rotation.ts";

const GATE = fileURLToPath(new URL("../../benchmarks/gate.ts", import.meta.url));

function timed(own: number, low: number, high: number, floor = 3): Timing {
  const ratio = { median: (low + high) / 2, low, high };
  return { base: 1, floor, traced: { median: own, low: own - 0.5, high: own + 0.5 }, ratio };
}

const broken = (findings: Finding[]): boolean[] => findings.map(isBroken);

describe("a process's findings", () => {
  test("a sampled call of 10 us breaks the promise, one of less keeps it", () => {
    const figures = { sampledTime: 10 };
    expect(broken(timeFindings("sampled", timed(10, 1, 1.2), figures))).toEqual([true]);
    expect(broken(timeFindings("sampled", timed(9.9, 1, 1.2), figures))).toEqual([false]);
  });

  test("where the floor takes longer than usual the call may too, up to half as long again", () => {
    const figures = { sampledTime: 10, usualFloor: 4 };
    const isBrokenAt = (own: number, floor: number): boolean =>
      isBroken(timeFindings("sampled", timed(own, 1, 1.2, floor), figures)[0]!);
    expect([isBrokenAt(9.9, 2), isBrokenAt(10, 2)]).toEqual([false, true]);
    expect([isBrokenAt(12.4, 5), isBrokenAt(12.5, 5)]).toEqual([false, true]);
    expect([isBrokenAt(14.9, 50), isBrokenAt(15, 50)]).toEqual([false, true]);
  });

  test("a ratio is above its figure only if its whole interval is", () => {
    const figures = { sampledTime: 10, sampledRatio: 1.4, unsampledRatio: 1.3 };
    expect(broken(timeFindings("sampled", timed(4, 1.35, 1.6), figures))).toEqual([false, false]);
    expect(broken(timeFindings("sampled", timed(4, 1.41, 1.6), figures))).toEqual([false, true]);
    expect(broken(timeFindings("unsampled", timed(4, 1.31, 1.6), figures))).toEqual([true]);
  });

  test("what has no figure is not judged", () => {
    expect(timeFindings("unsampled", timed(4, 5, 6), { sampledTime: 10 })).toEqual([]);
    expect(byteFindings("sampled", { floor: 5000, traced: 9000 }, { sampledTime: 10 })).toEqual([]);
  });

  test("bytes above their figure break it", () => {
    const figures = { sampledTime: 10, sampledBytes: 6500 };
    expect(broken(byteFindings("sampled", { floor: 5000, traced: 6400 }, figures))).toEqual([false]);
    expect(broken(byteFindings("sampled", { floor: 5000, traced: 6600 }, figures))).toEqual([true]);
  });
});

type Said = "kept" | "doubtful" | "clear";

describe("processes that are asked together", () => {
  async function ask(...answers: Said[][]): Promise<{ asked: number; broken: boolean[] }> {
    let asked = 0;
    const findings = await agree(async () => {
      const said = answers[asked++] as Said[];
      return said.map((each, i) => ({ what: `${i}`, measured: 1, limit: 1, kept: each === "kept", clear: each === "clear" }));
    });
    return { asked, broken: broken(findings) };
  }

  test("one that kept all figures is enough", async () => {
    expect(await ask(["clear"], ["kept"])).toEqual({ asked: 2, broken: [false] });
  });

  test("a figure is broken if none of three kept it, and one is beyond doubt", async () => {
    expect(await ask(["clear"], ["doubtful"], ["doubtful"])).toEqual({ asked: 3, broken: [true] });
    expect(await ask(["doubtful"], ["doubtful"], ["clear"])).toEqual({ asked: 3, broken: [true] });
  });

  test("doubts alone break nothing", async () => {
    expect(await ask(["doubtful"], ["doubtful"], ["doubtful"])).toEqual({ asked: 3, broken: [false] });
  });

  test("each figure counts for itself", async () => {
    expect(await ask(["kept", "clear"], ["clear", "clear"], ["clear", "clear"])).toEqual({ asked: 3, broken: [false, true] });
  });
});

describe("the gate", () => {
  test("fails for a call that takes 15 us more", { timeout: 60_000 }, () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [GATE, "--only", "undici, sampled: time", "--delay", "15", "--share", "0.05"],
      {
        encoding: "utf8",
      },
    );
    expect(stdout).toMatch(/^FAIL {2}undici, sampled: time +(?:1[5-9]|[2-9]\d)[\d.]* us +figure 1[0-5][\d.]*$/m);
    expect(status).toBe(1);
  });
});
