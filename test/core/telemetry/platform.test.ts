import { afterEach, expect, it, vi } from "vitest";
import { environmentList } from "../../../src/core/telemetry/environment.ts";
import { now } from "../../../src/core/telemetry/meter.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
  vi.doUnmock("@opentelemetry/api");
});

it("a list of the environment has no empty items, and is none where there are none", () => {
  for (const [value, list] of [
    [" a, b ,,c", ["a", "b", "c"]],
    ["a", ["a"]],
    ["  ", undefined],
    ["", undefined],
    [undefined, undefined],
  ] as const) {
    vi.stubEnv("A2A_OTEL_TEST", value);
    expect(environmentList("A2A_OTEL_TEST")).toEqual(list);
  }
});

it.each<[string, unknown]>([
  ["no process", undefined],
  ["a process without an environment", {}],
  [
    "an environment that may not be read",
    {
      get env(): never {
        throw new Error("Requires env access");
      },
    },
  ],
])("where there is %s nothing is set", (_, process) => {
  vi.stubGlobal("process", process);
  expect(environmentList("PATH")).toBeUndefined();
});

it("time is told by the clock where the platform has no other", async () => {
  expect(Math.abs(now() - performance.now())).toBeLessThan(1000);
  vi.stubGlobal("performance", undefined);
  vi.resetModules();
  const elsewhere = await import("../../../src/core/telemetry/meter.ts");
  expect(Math.abs(elsewhere.now() - Date.now())).toBeLessThan(1000);
});

it("an API that keeps spans elsewhere than in a context is refused when it is loaded", async () => {
  vi.resetModules();
  vi.doMock("@opentelemetry/api", async (original) => {
    const api = await original<{ trace: object }>();
    return { ...api, trace: Object.assign(Object.create(api.trace) as object, { getSpan: () => undefined }) };
  });
  await expect(import("../../../src/core/context/context-keys.ts")).rejects.toThrow("keeps spans in no context key");
});
