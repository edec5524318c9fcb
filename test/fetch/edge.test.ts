import { afterEach, expect, it, vi } from "vitest";
import { connectChannels } from "../../src/core/node/undici-channels.ts";
import { instrumentFetch } from "../../src/fetch.ts";

afterEach(() => vi.unstubAllGlobals());

it("treats a runtime with a partial process object, as the Edge runtime of Next.js, as one without channels", () => {
  vi.stubGlobal("process", { env: {}, getBuiltinModule: () => undefined });
  const original = globalThis.fetch;
  expect(connectChannels()).toBe(false);
  const undo = instrumentFetch();
  expect(globalThis.fetch).not.toBe(original);
  undo();
  expect(globalThis.fetch).toBe(original);
});
