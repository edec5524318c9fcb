import { afterEach, describe, expect, it, vi } from "vitest";

afterEach(() => {
  vi.doUnmock("@opentelemetry/api");
});

describe("context-keys.ts", () => {
  it("throws at import if the OpenTelemetry API does not keep spans in the context", async () => {
    vi.resetModules();
    vi.doMock("@opentelemetry/api", async (original) => {
      const api = await original<{ trace: object }>();
      return { ...api, trace: Object.assign(Object.create(api.trace) as object, { getSpan: () => undefined }) };
    });
    await expect(import("../../../src/core/context/context-keys.ts")).rejects.toThrow("keeps spans in no context key");
  });
});
