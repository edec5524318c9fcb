import { afterEach, describe, expect, it, vi } from "vitest";
import { environmentList, isNode } from "../../../src/core/telemetry/environment.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});

describe("isNode()", () => {
  const getBuiltinModule = (): undefined => undefined;
  const NODE = { getBuiltinModule, versions: { node: "24.0.0" } };
  const isNodeWith = (globals: Record<string, unknown>): boolean => {
    const all = { process: NODE, navigator: undefined, Deno: undefined, ...globals };
    for (const [name, value] of Object.entries(all)) vi.stubGlobal(name, value);
    const answer = isNode();
    vi.unstubAllGlobals();
    return answer;
  };

  it.each<[string, Record<string, unknown>]>([
    ["an older Node without a navigator", {}],
    ["a newer Node with a navigator", { navigator: { userAgent: "Node.js/24" } }],
  ])("is true in %s", (_, globals) => {
    expect(isNodeWith(globals)).toBe(true);
  });

  it.each<[string, Record<string, unknown>]>([
    ["a browser without a process", { process: undefined }],
    ["a page with a bundler's `process`", { process: { env: {}, versions: {} } }],
    ["the Edge runtime of Next.js, which has a part of Node's `process`", { process: { versions: { node: "24.0.0" } } }],
    ["a runtime with Node's modules but no versions", { process: { getBuiltinModule } }],
    ["a runtime with Node's modules but no Node version", { process: { getBuiltinModule, versions: {} } }],
    ["Bun", { process: { getBuiltinModule, versions: { node: "24.0.0", bun: "1.3.0" } } }],
    ["Deno", { Deno: {} }],
    ["a Cloudflare Worker with Node's modules", { navigator: { userAgent: "Cloudflare-Workers" } }],
  ])("is false in %s", (_, globals) => {
    expect(isNodeWith(globals)).toBe(false);
  });

  it("is true in the process that runs the tests", () => {
    expect(isNode()).toBe(true);
  });
});

describe("environmentList()", () => {
  it("reads the variable of the given name", () => {
    vi.stubGlobal("process", { env: { FIRST: "a,b", SECOND: "c" } });
    expect(environmentList("FIRST")).toEqual(["a", "b"]);
    expect(environmentList("SECOND")).toEqual(["c"]);
    expect(environmentList("THIRD")).toBeUndefined();
  });

  it.each<[string | undefined, string[] | undefined]>([
    [" a, b ,,c", ["a", "b", "c"]],
    ["a", ["a"]],
    ["  ", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("reads %j as %j", (value, list) => {
    vi.stubEnv("A2A_OTEL_TEST", value);
    expect(environmentList("A2A_OTEL_TEST")).toEqual(list);
  });

  it.each<[string, unknown]>([
    ["no process", undefined],
    ["a process without an environment", {}],
    [
      "an environment that must not be read",
      {
        get env(): never {
          throw new Error("Requires env access");
        },
      },
    ],
  ])("is undefined if there is %s", (_, process) => {
    vi.stubGlobal("process", process);
    expect(environmentList("PATH")).toBeUndefined();
  });
});
