import http from "node:http";
import https from "node:https";
import { describe, expect, it, vi } from "vitest";
import { createPatchDetector, isNativeFunction } from "../../../src/core/node/native-function.ts";

describe("isNativeFunction()", () => {
  it.each([http.request, https.request, globalThis.fetch])("is true for %o", (native) => {
    expect(isNativeFunction(native)).toBe(true);
  });

  it("is false for everything else", () => {
    const others = [(): void => {}, vi.fn(), http.request.bind(http), Math.max, Date, undefined, null, "new ClientRequest(", {}];
    expect(others.filter(isNativeFunction)).toEqual([]);
  });
});

describe("createPatchDetector()", () => {
  const patched = (): void => {};
  type Modules = [http: unknown, https: unknown];
  const NATIVE: Modules = [http.request, https.request];

  it.each<[string, Modules, boolean]>([
    ["no patched module", NATIVE, false],
    ["a patched http module", [patched, https.request], true],
    ["a patched https module", [http.request, patched], true],
    ["both modules patched", [patched, patched], true],
    ["no functions in place of request", [null, null], true],
  ])("detects, at creation and later, %s", (_, [first, second], expected) => {
    const early = createPatchDetector({ request: first }, { request: second });
    for (let i = 0; i < 2; i++) expect(early()).toBe(expected);
    const [patchedHttp, patchedHttps] = [{ request: NATIVE[0] }, { request: NATIVE[1] }];
    const late = createPatchDetector(patchedHttp, patchedHttps);
    expect(late()).toBe(false);
    patchedHttp.request = first;
    patchedHttps.request = second;
    for (let i = 0; i < 2; i++) expect(late()).toBe(expected);
    [patchedHttp.request, patchedHttps.request] = NATIVE;
    for (let i = 0; i < 2; i++) expect(late()).toBe(false);
  });
});
