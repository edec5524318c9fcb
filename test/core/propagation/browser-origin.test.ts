import { afterEach, describe, expect, it, vi } from "vitest";
import { ownOriginTest } from "../../../src/core/propagation/matchers.ts";

afterEach(() => vi.unstubAllGlobals());

const PAGE = "https://agents.example:8443";
/** The globals of a page, with a `process` polyfill as bundlers add it. */
const GLOBALS = {
  process: { env: {} },
  document: {},
  importScripts: undefined,
  location: { origin: PAGE },
  origin: PAGE,
};
const WORKER = { document: undefined, importScripts: () => {} };
const nodeProcess = (versions: unknown): object => ({ getBuiltinModule: () => undefined, versions });

/** The test that is created with the globals of a page, overridden by `globals`. */
function testOf(globals: Record<string, unknown> = {}): ReturnType<typeof ownOriginTest> {
  for (const [name, value] of Object.entries({ ...GLOBALS, ...globals })) vi.stubGlobal(name, value);
  const isOwn = ownOriginTest();
  vi.unstubAllGlobals();
  return isOwn;
}

describe("ownOriginTest() in a browser", () => {
  it.each<[string, Record<string, unknown>]>([
    ["a page", {}],
    ["a page without `process`", { process: undefined }],
    ["a page whose `process` has no versions", { process: { getBuiltinModule: "none" } }],
    ["a page of Electron", { process: nodeProcess({ node: "24.0.0", electron: "40.0.0" }) }],
    ["a worker", WORKER],
    ["a worker of Electron", { ...WORKER, process: nodeProcess({ node: "24.0.0", electron: "40.0.0" }) }],
    ["a frame without an address", { location: { origin: "null" } }],
    ["a browser without a global origin", { origin: undefined }],
  ])("compares scheme, host and port with the origin of %s", (_, globals) => {
    const isOwn = testOf(globals);
    for (const url of [`${PAGE}/rpc`, PAGE]) expect(isOwn?.(url), url).toBe(true);
    const others = ["http://agents.example:8443/", "https://agents.example/", "https://other.example:8443/"];
    for (const url of [...others, "/rpc", "", "data:,x"]) expect(isOwn?.(url), url).toBe(false);
  });

  it("is false for every URL in a sandboxed frame", () => {
    const isOwn = testOf({ origin: "null" });
    for (const url of [`${PAGE}/rpc`, "null", "/rpc", "data:,x"]) expect(isOwn?.(url), url).toBe(false);
  });

  it("treats a missing port as the default port", () => {
    const isOwn = testOf({ origin: "https://agents.example" });
    for (const url of ["https://agents.example:443/", "https://agents.example/"]) expect(isOwn?.(url), url).toBe(true);
  });
});

it.each<[string, Record<string, unknown>]>([
  ["a page without a location", { location: undefined }],
  ["Node with jsdom", { process: nodeProcess({ node: "24.0.0" }) }],
  ["Node with the scope of a worker", { ...WORKER, process: nodeProcess({ node: "24.0.0" }) }],
  ["a runtime with Node's modules but no versions", { process: nodeProcess(undefined) }],
  ["Deno with --location", { document: undefined, process: nodeProcess({ node: "24.0.0" }) }],
  ["an edge runtime with a location", { document: undefined }],
  ["a runtime whose document is null", { document: null }],
  ["a runtime whose document is not an object", { document: "none", importScripts: "none" }],
])("ownOriginTest() is undefined in %s", (_, globals) => {
  expect(testOf(globals)).toBeUndefined();
});
