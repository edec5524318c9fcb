import { describe, expect, it, vi } from "vitest";
import { GlobalInstrumentation } from "../../../src/core/telemetry/global-instrumentation.ts";

function instrumentFirst(): void {}
function instrumentSecond(): void {}

/** A class whose instances differ in private state only. */
class Stateful {
  readonly #state: number;
  constructor(state: number) {
    this.#state = state;
  }
  fields(): string[] {
    return [String(this.#state)];
  }
}

interface Setup {
  readonly instrumentation: GlobalInstrumentation<string>;
  readonly remove: () => void;
  readonly install: (config: string, options?: object) => () => void;
}

function setUp(): Setup {
  const remove = vi.fn<() => void>();
  const instrumentation = new GlobalInstrumentation<string>(remove);
  const install = (config: string, options: object = {}): (() => void) =>
    instrumentation.install({ caller: instrumentSecond, config, options });
  return { instrumentation, remove, install };
}

describe("GlobalInstrumentation", () => {
  it("uses the configuration of the first call until a later one brings options, and again after that is undone", () => {
    const { instrumentation, install, remove } = setUp();
    const undoFirst = install("first", { propagateTo: undefined });
    install("second");
    expect(instrumentation.config).toBe("first");
    const undoStrict = install("strict", { propagateTo: [] });
    expect(instrumentation.config).toBe("strict");
    undoStrict();
    expect(instrumentation.config).toBe("first");
    undoFirst();
    undoFirst();
    expect(instrumentation.config).toBe("second");
    expect(remove).not.toHaveBeenCalled();
  });

  it("is removed once, when the last call is undone", () => {
    const { instrumentation, install, remove } = setUp();
    const undos = [install("first"), install("second", { a2a: false })];
    for (const undo of [...undos, ...undos]) undo();
    expect(remove).toHaveBeenCalledTimes(1);
    expect(instrumentation.config).toBeUndefined();
  });

  it.each([
    ["lists of the same strings", { propagateTo: ["a.example"] }, { propagateTo: ["a.example"] }],
    ["the same expressions", { propagateTo: /a/u }, { propagateTo: /a/u }],
    [
      "equal objects",
      { headersToSpanAttributes: { requestHeaders: ["a"] } },
      { headersToSpanAttributes: { requestHeaders: ["a"] } },
    ],
    ["the same functions", { requestHook: instrumentFirst }, { requestHook: instrumentFirst }],
  ])("accepts %s as the same options", (_, first, second) => {
    const { install } = setUp();
    install("first", first);
    expect(() => install("second", second)).not.toThrow();
  });

  it.each([
    ["another list", { propagateTo: ["a.example"] }, { propagateTo: ["b.example"] }],
    ["another option", { propagateTo: ["a.example"] }, { baggageTo: ["a.example"] }],
    ["an expression with other flags", { propagateTo: /a/u }, { propagateTo: /a/iu }],
    ["another function", { requestHook: instrumentFirst }, { requestHook: instrumentSecond }],
    ["another instance of the same class", { propagator: new Stateful(1) }, { propagator: new Stateful(2) }],
    ["a value of another type", { propagateTo: ["a"] }, { propagateTo: { 0: "a" } }],
  ])("throws for %s, and keeps the first options", (_, first, second) => {
    const { instrumentation, install } = setUp();
    install("first", first);
    expect(() => install("second", second)).toThrow(TypeError);
    expect(instrumentation.config).toBe("first");
  });

  it("says in its error which call has set the options, and where", () => {
    const instrumentation = new GlobalInstrumentation<string>(() => {});
    // The frame above the caller is where the public function was called from.
    const instrument = function instrumentThird(): void {
      instrumentation.install({ caller: instrumentThird, config: "third", options: { propagateTo: [] } });
    };
    instrument();
    expect(() => instrumentation.install({ caller: instrumentFirst, config: "first", options: { propagateTo: "a" } })).toThrow(
      /^instrumentFirst: other options are in effect, which instrumentThird\(\) \(at .*global-instrumentation\.test\.ts:\d+:\d+\)? ?.*has set\./u,
    );
  });
});
