import { afterEach, describe, expect, it, vi } from "vitest";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("now()", () => {
  const load = async (): Promise<() => number> => {
    vi.resetModules();
    return (await import("../../../src/core/telemetry/meter.ts")).now;
  };

  it("is the time of performance.now()", async () => {
    const now = await load();
    vi.spyOn(performance, "now").mockReturnValue(1234.5);
    expect(now()).toBe(1234.5);
  });

  it("is the time of Date.now() if the platform has no performance.now()", async () => {
    vi.stubGlobal("performance", undefined);
    const now = await load();
    vi.spyOn(Date, "now").mockReturnValue(1_700_000_000_000);
    expect(now()).toBe(1_700_000_000_000);
  });
});
