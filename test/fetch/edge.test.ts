import { afterEach, expect, test, vi } from "vitest";
import { connectChannels } from "../../src/core/node/undici-channels.ts";
import { instrumentFetch } from "../../src/fetch.ts";

afterEach(() => vi.unstubAllGlobals());

test("a runtime with a part of Node's process, as the Edge runtime of Next.js, is taken for one without channels", () => {
  vi.stubGlobal("process", { env: {}, getBuiltinModule: () => undefined });
  const original = globalThis.fetch;
  expect(connectChannels()).toBe(false);
  const undo = instrumentFetch();
  expect(globalThis.fetch).not.toBe(original);
  undo();
  expect(globalThis.fetch).toBe(original);
});
