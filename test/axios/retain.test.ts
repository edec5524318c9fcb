import { describe, expect, it, vi } from "vitest";
import { retain } from "../../src/clients/axios/retain.ts";

describe("retain()", () => {
  it.each([
    ["in the order of its owners", [0, 1, 2]],
    ["in another order", [2, 0, 1]],
  ])("removes the instrumentation when the last owner releases it: %s", (_, order) => {
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

  it("removes it with its only owner and can be retained again", () => {
    const remove = vi.fn<() => void>();
    const owned = { count: 0, remove };
    retain(owned)();
    expect(remove).toHaveBeenCalledTimes(1);
    const undo = retain(owned);
    expect(remove).toHaveBeenCalledTimes(1);
    undo();
    expect(remove).toHaveBeenCalledTimes(2);
  });

  it("does nothing for the instrumentation of another copy of the package", () => {
    const undo = retain(undefined);
    for (let i = 0; i < 2; i++) expect(undo).not.toThrow();
  });
});
