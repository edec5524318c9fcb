/** Bundles the library: one file for each export of package.json, and a few chunks that they share, because each file that is loaded takes time. */
import { existsSync, readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";
import type { ChunkingContext, CodeSplittingGroup } from "rolldown";

interface Manifest {
  readonly exports: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
}

/** A chunk that several entries share: of clients only, of servers only, or of any entries. */
type Chunk = "core" | "client" | "server";

const root = fileURLToPath(new URL("../", import.meta.url));
const source = resolve(root, "src");

/** Writes the modules of the library and their source maps to `dist`. */
export async function bundleLibrary(): Promise<void> {
  const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as Manifest;
  await build({
    cwd: root,
    input: entriesOf(manifest),
    external: externalsOf(manifest),
    platform: "neutral",
    tsconfig: "tsconfig.build.json",
    transform: { target: "es2024" },
    onLog: (_level, { message }) => {
      throw new Error(message);
    },
    output: {
      dir: "dist",
      chunkFileNames: "chunks/[name].js",
      codeSplitting: { groups: [group("core"), group("client"), group("server")] },
      minify: false,
      comments: { annotation: true, jsdoc: false, legal: false },
      sourcemap: true,
      sourcemapExcludeSources: true, // src is published
    },
  });
}

function entriesOf({ exports }: Manifest): Record<string, string> {
  const names = Object.values(exports).flatMap((file) => /^\.\/dist\/(.+)\.js$/.exec(file)?.[1] ?? []);
  return Object.fromEntries(names.map((name) => [name, resolve(source, `${name}.ts`)]));
}

function externalsOf({ dependencies, peerDependencies }: Manifest): RegExp[] {
  const packages = Object.keys({ ...dependencies, ...peerDependencies });
  return [/^node:/, ...packages.map((name) => new RegExp(`^${name}(?:/|$)`))];
}

/** rolldown puts a module into the first group that takes it, together with what the module imports. */
function group(chunk: Chunk): CodeSplittingGroup {
  return {
    debugName: chunk,
    test: /[\\/]src[\\/]/,
    name: (id: string, chunking: ChunkingContext) => (chunkOf(id, chunking) === chunk ? chunk : null),
  };
}

/** The chunk of a module; undefined if one entry alone loads it, or if it runs on Node only: the chunks are loaded on every platform. */
function chunkOf(id: string, chunking: ChunkingContext): Chunk | undefined {
  if (chunking.getModuleInfo(id)?.importedIds.some((imported) => imported.startsWith("node:")) === true) return undefined;
  const entries = new Set(entriesThatLoad(id, chunking));
  if (entries.size < 2) return undefined;
  const [kind, ...others] = new Set([...entries].map(kindOfEntry));
  return others.length === 0 ? kind : "core";
}

/** The public entries that import a module, directly or not. */
function entriesThatLoad(id: string, chunking: ChunkingContext, visited: Set<string> = new Set()): string[] {
  const module = chunking.getModuleInfo(id);
  if (module === null || visited.has(id)) return [];
  visited.add(id);
  return module.isEntry ? [id] : module.importers.flatMap((importer) => entriesThatLoad(importer, chunking, visited));
}

function kindOfEntry(id: string): Chunk {
  const name = relative(source, id).replaceAll("\\", "/").replace(/\.ts$/, "");
  if (name.startsWith("server/")) return "server";
  return existsSync(resolve(source, "clients", name)) ? "client" : "core";
}
