import { globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../src", import.meta.url));

interface Import {
  readonly file: string;
  /** The module's name; a file of the library as a path below `src`. */
  readonly from: string;
  readonly isType: boolean;
  /** False for `import()`, `require()` and `getBuiltinModule()`. */
  readonly isStatement: boolean;
}

const STATEMENT = /^(?:import|export)(?<type>\s+type)?\s+(?:[^;"'`]*?\sfrom\s+)?"(?<from>[^"]+)"/gm;
const EXPRESSION = /\b(?:import|require|getBuiltinModule)\(\s*"(?<from>[^"]+)"/g;

function importsOf(file: string): Import[] {
  const code = readFileSync(join(root, file), "utf8");
  const toImport =
    (isStatement: boolean) =>
    ({ groups = {} }: RegExpExecArray): Import => {
      const { from = "", type } = groups;
      const isRelative = from.startsWith(".");
      const resolved = isRelative ? posix.join(posix.dirname(file), from) : from;
      return { file, from: resolved, isType: type !== undefined, isStatement };
    };
  return [...[...code.matchAll(STATEMENT)].map(toImport(true)), ...[...code.matchAll(EXPRESSION)].map(toImport(false))];
}

const files = globSync("**/*.ts", { cwd: root }).map((file) => file.replaceAll("\\", "/"));
const imports = files.flatMap(importsOf);
const isInternal = ({ from }: Import): boolean => files.includes(from);
const describeImports = (found: Import[]): string[] => found.map(({ file, from }) => `${file} imports ${from}`);

/** The part of the library that a file belongs to: `clients/fetch/exchange.ts` and `fetch.ts` both belong to `fetch`. */
function partOf(file: string): string {
  return /^(?:clients\/)?(?<part>[a-z0-9]+)/.exec(file)?.groups?.["part"] ?? file;
}

const ADAPTERS = new Set(["fetch", "undici", "axios", "got", "node", "server"]);
/** Parts that run on Node alone, so that they may import `node:` modules. */
const NODE_ONLY = new Set(["undici", "got", "axios", "node"]);

/** A chain of files in which each imports the next and the last imports the first; undefined if there is none. */
function findCycle(): string[] | undefined {
  const finished = new Set<string>();
  const visit = (file: string, chain: readonly string[]): string[] | undefined => {
    if (chain.includes(file)) return [...chain.slice(chain.indexOf(file)), file];
    if (finished.has(file)) return undefined;
    for (const { from } of imports.filter((one) => one.file === file && isInternal(one))) {
      const cycle = visit(from, [...chain, file]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(file);
    return undefined;
  };
  for (const file of files) {
    const cycle = visit(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

describe("the architecture of src", () => {
  it("is read completely: every relative import leads to a file", () => {
    expect(files).toEqual(expect.arrayContaining(["index.ts", "core/calls/client-call.ts", "server/node.ts", "fetch.ts"]));
    const missing = imports.filter((one) => one.from.endsWith(".ts") && !isInternal(one));
    expect(describeImports(missing)).toEqual([]);
  });

  it("has no import cycles, type-only imports included", () => {
    expect(findCycle()).toBeUndefined();
  });

  it("has no folder with more than 15 files", () => {
    const counts = new Map<string, number>();
    for (const file of files) counts.set(posix.dirname(file), (counts.get(posix.dirname(file)) ?? 0) + 1);
    expect([...counts].filter(([, count]) => count > 15)).toEqual([]);
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
