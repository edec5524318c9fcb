import http from "node:http";
import https from "node:https";
import { describe, expect, it, vi } from "vitest";
import { retain } from "../../../src/core/telemetry/retain.ts";
import { isNativeFunction, createPatchDetector } from "../../../src/core/node/native-function.ts";

describe("what was instrumented in place", () => {
  it.each([
    ["in the order of its owners", [0, 1, 2]],
    ["in another order", [2, 0, 1]],
  ])("goes when its last owner has undone it, each of whom counts once: %s", (_, order) => {
    const remove = vi.fn<() => void>();
    const owned = { count: 0, remove };
    const undo = [retain(owned), retain(owned), retain(owned)];
    const [first, second, third] = order.map((at) => undo[at]!) as [() => void, () => void, () => void];
    for (const step of [first, first, first, second, second]) step();
    expect(remove).not.toHaveBeenCalled();
    third();
    expect(remove).toHaveBeenCalledTimes(1);
    for (const step of undo) step();
    expect(remove).toHaveBeenCalledTimes(1);
  });

  it("goes with its only owner, and can be owned anew", () => {
    const remove = vi.fn<() => void>();
    const owned = { count: 0, remove };
    retain(owned)();
    expect(remove).toHaveBeenCalledTimes(1);
    const undo = retain(owned);
    expect(remove).toHaveBeenCalledTimes(1);
    undo();
    expect(remove).toHaveBeenCalledTimes(2);
  });

  it("by another copy of the package is not ours to undo", () => {
    const undo = retain(undefined);
    expect([undo(), undo()]).toEqual([undefined, undefined]);
  });
});

it("Node's own functions are known, and nothing else is one", () => {
  expect([http.request, https.request, globalThis.fetch].map(isNativeFunction)).toEqual([true, true, true]);
  const others = [(): void => {}, vi.fn(), http.request.bind(http), Math.max, Date, undefined, null, "new ClientRequest(", {}];
  expect(others.filter(isNativeFunction)).toEqual([]);
});

describe("a watch over the modules of Node", () => {
  const own = (): void => {};
  type Modules = [http: unknown, https: unknown];
  const NODES: Modules = [http.request, https.request];

  it.each<[string, Modules, boolean]>([
    ["nobody has patched either", NODES, false],
    ["somebody has patched http", [own, https.request], true],
    ["somebody has patched https", [http.request, own], true],
    ["somebody has patched both", [own, own], true],
    ["somebody has put something else there", [null, null], true],
  ])("tells it where %s, from the start and later", (_, [first, second], expected) => {
    const early = createPatchDetector({ request: first }, { request: second });
    expect([early(), early()]).toEqual([expected, expected]);
    const [patchedHttp, patchedHttps] = [{ request: NODES[0] }, { request: NODES[1] }];
    const late = createPatchDetector(patchedHttp, patchedHttps);
    expect(late()).toBe(false);
    patchedHttp.request = first;
    patchedHttps.request = second;
    expect([late(), late()]).toEqual([expected, expected]);
    [patchedHttp.request, patchedHttps.request] = NODES;
    expect([late(), late()]).toEqual([false, false]);
  });
});
