import { afterEach, describe, expect, it, vi } from "vitest";
import { ownOriginTest } from "../../../src/core/propagation/browser-origin.ts";

afterEach(() => vi.unstubAllGlobals());

const PAGE = "https://agents.example:8443";
/** What a page has, with a `process` as bundlers put it there. */
const GLOBALS = {
  process: { env: {} },
  document: {},
  importScripts: undefined,
  location: { origin: PAGE },
  origin: PAGE,
};
const WORKER = { document: undefined, importScripts: () => {} };
const nodes = (versions: unknown): object => ({ getBuiltinModule: () => undefined, versions });

/** The test of where the globals are those of a page, but for some. */
function testOf(globals: Record<string, unknown> = {}): ReturnType<typeof ownOriginTest> {
  for (const [name, value] of Object.entries({ ...GLOBALS, ...globals })) vi.stubGlobal(name, value);
  const isOwn = ownOriginTest();
  vi.unstubAllGlobals();
  return isOwn;
}

describe("in a browser", () => {
  it.each<[string, Record<string, unknown>]>([
    ["a page", {}],
    ["a page without any process", { process: undefined }],
    ["a page whose process tells no versions", { process: { getBuiltinModule: "none" } }],
    ["a page of Electron", { process: nodes({ node: "24.0.0", electron: "40.0.0" }) }],
    ["a worker", WORKER],
    ["a worker of Electron", { ...WORKER, process: nodes({ node: "24.0.0", electron: "40.0.0" }) }],
    ["a frame without an address", { location: { origin: "null" } }],
    ["a browser without a global origin", { origin: undefined }],
  ])("%s has its own origin, by scheme, host and port", (_, globals) => {
    const isOwn = testOf(globals);
    const urls = [`${PAGE}/rpc`, PAGE, "http://agents.example:8443/", "https://agents.example/", "https://other.example:8443/"];
    expect(urls.map((url) => isOwn?.(url))).toEqual([true, true, false, false, false]);
    expect(["/rpc", "", "data:,x"].map((url) => isOwn?.(url))).toEqual([false, false, false]);
  });

  it("a sandboxed frame has none, whatever its address: neither its own URLs nor such without an origin are at it", () => {
    const isOwn = testOf({ origin: "null" });
    expect([`${PAGE}/rpc`, "null", "/rpc", "data:,x"].map((url) => isOwn?.(url))).toEqual([false, false, false, false]);
  });

  it("the default port need not be written", () => {
    const isOwn = testOf({ origin: "https://agents.example" });
    expect(["https://agents.example:443/", "https://agents.example/"].map((url) => isOwn?.(url))).toEqual([true, true]);
  });
});

it.each<[string, Record<string, unknown>]>([
  ["a page without a location", { location: undefined }],
  ["Node with jsdom", { process: nodes({ node: "24.0.0" }) }],
  ["Node with the scope of a worker", { ...WORKER, process: nodes({ node: "24.0.0" }) }],
  ["a runtime with Node's modules that tells no versions", { process: nodes(undefined) }],
  ["Deno with --location", { document: undefined, process: nodes({ node: "24.0.0" }) }],
  ["an edge runtime with a location", { document: undefined }],
  ["one whose document is null", { document: null }],
  ["one whose document is no object", { document: "none", importScripts: "none" }],
])("%s is no browser", (_, globals) => {
  expect(testOf(globals)).toBeUndefined();
});
