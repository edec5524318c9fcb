import { globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

export interface Import {
  readonly file: string;
  /** The module's name; a file of the same folder as a path below it. */
  readonly from: string;
  readonly isType: boolean;
  /** False for `import()`, `require()` and `getBuiltinModule()`. */
  readonly isStatement: boolean;
}

/** The imports of all TypeScript files of a folder. Paths are relative to the folder. */
export interface ImportGraph {
  readonly files: readonly string[];
  readonly imports: readonly Import[];
  /** Whether an import leads to a file of the folder. */
  isInternal(this: void, found: Import): boolean;
}

const STATEMENT = /^(?:import|export)(?<type>\s+type)?\s+(?:[^;"'`]*?\sfrom\s+)?"(?<from>[^"]+)"/gm;
const EXPRESSION = /\b(?:import|require|getBuiltinModule)\(\s*"(?<from>[^"]+)"/g;

export function readImportGraph(root: string): ImportGraph {
  const files = globSync("**/*.{ts,tsx,cts}", { cwd: root }).map((file) => file.replaceAll("\\", "/"));
  return { files, imports: files.flatMap((file) => importsOf(root, file)), isInternal: ({ from }) => files.includes(from) };
}

function importsOf(root: string, file: string): Import[] {
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

export function describeImports(found: readonly Import[]): string[] {
  return found.map(({ file, from }) => `${file} imports ${from}`);
}

/** The relative imports that lead to no file. */
export function missingFiles({ imports, isInternal }: ImportGraph): Import[] {
  return imports.filter((found) => /\.c?tsx?$/.test(found.from) && !isInternal(found));
}

/** A chain of files in which each imports the next and the last imports the first; undefined if there is none. */
export function findCycle({ files, imports, isInternal }: ImportGraph): string[] | undefined {
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

/** The folders that contain more than 15 files themselves. */
export function crowdedFolders({ files }: ImportGraph): string[] {
  const counts = new Map<string, number>();
  for (const file of files) counts.set(posix.dirname(file), (counts.get(posix.dirname(file)) ?? 0) + 1);
  return [...counts].filter(([, count]) => count > 15).map(([folder, count]) => `${folder}: ${count}`);
}
