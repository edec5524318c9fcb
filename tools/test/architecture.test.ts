import { globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../src", import.meta.url));

interface Import {
  readonly file: string;
  /** The module's name; a file of the tools as a path below `src`. */
  readonly from: string;
  readonly isType: boolean;
}

const STATEMENT = /^(?:import|export)(?<type>\s+type)?\s+(?:[^;"'`]*?\sfrom\s+)?"(?<from>[^"]+)"/gm;
const EXPRESSION = /\bimport\(\s*"(?<from>[^"]+)"/g;

function importsOf(file: string): Import[] {
  const code = readFileSync(join(root, file), "utf8");
  return [...code.matchAll(STATEMENT), ...code.matchAll(EXPRESSION)].map(({ groups = {} }) => {
    const { from = "", type } = groups;
    const resolved = from.startsWith(".") ? posix.join(posix.dirname(file), from) : from;
    return { file, from: resolved, isType: type !== undefined };
  });
}

const files = globSync("**/*.{ts,cts}", { cwd: root }).map((file) => file.replaceAll("\\", "/"));
const imports = files.flatMap(importsOf);
const isInternal = ({ from }: Import): boolean => files.includes(from);
const describeImports = (found: Import[]): string[] => found.map(({ file, from }) => `${file} imports ${from}`);

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

describe("the architecture of the tools", () => {
  it("is read completely: every relative import leads to a file", () => {
    expect(files).toEqual(expect.arrayContaining(["cli.ts", "doctor/examine.ts", "view/browser/main.ts"]));
    const missing = imports.filter((one) => /\.c?ts$/.test(one.from) && !isInternal(one));
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

  it("imports nothing but Node, OpenTelemetry's API and public exports of the library", () => {
    const { exports } = JSON.parse(readFileSync(join(root, "../../package.json"), "utf8")) as { exports: object };
    const allowed = new Set(["@opentelemetry/api", ...Object.keys(exports).map((subpath) => posix.join("a2a-otel", subpath))]);
    const others = imports.filter((one) => !isInternal(one) && !one.from.startsWith("node:") && !allowed.has(one.from));
    expect(describeImports(others)).toEqual([]);
  });

  it("keeps the doctor and the view apart", () => {
    const crossing = imports.filter(
      ({ file, from }) =>
        (file.startsWith("doctor") && from.startsWith("view/")) || (file.startsWith("view/") && from.startsWith("doctor")),
    );
    expect(describeImports(crossing)).toEqual([]);
  });

  it("lets the view work without OpenTelemetry and without the library", () => {
    const others = imports.filter((one) => one.file.startsWith("view/") && !isInternal(one) && !one.from.startsWith("node:"));
    expect(describeImports(others)).toEqual([]);
  });

  it("loads the library and OpenTelemetry's API in one file, so that the doctor can examine the application's copies", () => {
    const atRunTime = imports.filter(({ from, isType }) => !isType && /^(?:@opentelemetry|a2a-otel)\//.test(from));
    const allowed = new Set(["doctor/own-modules.ts", "doctor/command/command.ts"]);
    expect(describeImports(atRunTime.filter(({ file }) => !allowed.has(file)))).toEqual([]);
  });

  it("imports at run time into the page's script only files that are part of it", () => {
    const elsewhere = imports.filter(
      ({ file, from, isType }) => file.startsWith("view/browser/") && !isType && !from.startsWith("view/browser/"),
    );
    expect(describeImports(elsewhere)).toEqual([]);
  });
});
