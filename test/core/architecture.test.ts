import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { crowdedFolders, describeImports, findCycle, missingFiles, readImportGraph } from "../support/import-graph.ts";

const root = fileURLToPath(new URL("../../src", import.meta.url));
const graph = readImportGraph(root);
const { files, imports, isInternal } = graph;

/** The part of the library that a file belongs to: `clients/fetch/exchange.ts` and `fetch.ts` both belong to `fetch`. */
function partOf(file: string): string {
  return /^(?:clients\/)?(?<part>[a-z0-9]+)/.exec(file)?.groups?.["part"] ?? file;
}

const ADAPTERS = new Set(["fetch", "undici", "axios", "got", "node", "server"]);
/** Parts that run on Node alone, so that they may import `node:` modules. */
const NODE_ONLY = new Set(["undici", "got", "axios", "node"]);

describe("the architecture of src", () => {
  it("is read completely: every relative import leads to a file", () => {
    expect(files).toEqual(expect.arrayContaining(["index.ts", "core/calls/client-call.ts", "server/node.ts", "fetch.ts"]));
    expect(describeImports(missingFiles(graph))).toEqual([]);
  });

  it("has no import cycles, type-only imports included", () => {
    expect(findCycle(graph)).toBeUndefined();
  });

  it("has no folder with more than 15 files", () => {
    expect(crowdedFolders(graph)).toEqual([]);
  });

  it("lets core import OpenTelemetry and core alone", () => {
    const others = imports.filter(
      ({ file, from }) => partOf(file) === "core" && !from.startsWith("@opentelemetry/") && !from.startsWith("core/"),
    );
    // Diagnostics channels and streams are loaded by expression, because platforms without them load core too.
    const loaded = new Set(["node:diagnostics_channel", "node:stream"]);
    expect(describeImports(others.filter(({ from, isStatement }) => isStatement || !loaded.has(from)))).toEqual([]);
  });

  it("lets adapters import core and their own parts, but not each other", () => {
    const crossing = imports.filter(isInternal).filter(({ file, from }) => {
      const part = partOf(file);
      return ADAPTERS.has(part) && partOf(from) !== part && partOf(from) !== "core";
    });
    expect(describeImports(crossing)).toEqual([]);
  });

  it("keeps the server adapters apart from each other", () => {
    const servers = new Set(["server/node.ts", "server/express.ts", "server/fastify.ts", "server/koa.ts", "server/web.ts"]);
    expect(describeImports(imports.filter(({ from }) => servers.has(from)))).toEqual([]);
  });

  it("imports clients and frameworks as types only, except for axios's own adapters", () => {
    const packages = imports.filter((one) => !isInternal(one) && !/^(?:@opentelemetry\/|node:)/.test(one.from));
    const atRunTime = packages.filter(({ file, from, isType }) => !isType && !(from === "axios" && partOf(file) === "axios"));
    expect(describeImports(atRunTime)).toEqual([]);
  });

  it("imports no node: module in what runs on every platform", () => {
    const found = imports.filter(
      ({ file, from, isType, isStatement }) => isStatement && !isType && from.startsWith("node:") && !NODE_ONLY.has(partOf(file)),
    );
    expect(describeImports(found)).toEqual([]);
  });

  it("imports only packages that are dependencies or peers", () => {
    const manifest = JSON.parse(readFileSync(join(root, "../package.json"), "utf8")) as Record<string, object>;
    const declared = Object.keys({ ...manifest["dependencies"], ...manifest["peerDependencies"] });
    const packages = imports.filter((one) => !isInternal(one) && !one.from.startsWith("node:"));
    const used = new Set(packages.map(({ from }) => from.split("/", from.startsWith("@") ? 2 : 1).join("/")));
    expect([...used].filter((name) => !declared.includes(name))).toEqual([]);
  });
});
