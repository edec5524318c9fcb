import { tryGet } from "./try-get.ts";

/** An installed package. Two copies of one package are two of these. */
export interface PackageCopy {
  readonly name: string;
  readonly version: string;
  readonly directory: string;
  /** Whether this process has loaded a file of it; undefined if that is unknown. */
  readonly loaded: boolean | undefined;
}

/**
 * The files that this process has loaded; undefined if they cannot be listed.
 *
 * No public API lists ES modules, but the inspector reports each script once and changes nothing. Without an inspector (`--permission`, other
 * runtimes), the cache of CommonJS modules is used.
 */
export function loadedFiles(): string[] | undefined {
  return tryGet(filesFromInspector) ?? tryGet(filesFromRequireCache);
}

function filesFromInspector(): string[] | undefined {
  const { Session } = process.getBuiltinModule("node:inspector");
  const { fileURLToPath } = process.getBuiltinModule("node:url");
  const path = process.getBuiltinModule("node:path");
  const files = new Set<string>();
  const session = new Session();
  session.connect();
  try {
    session.on("Debugger.scriptParsed", ({ params: { url } }) => {
      const file = url.startsWith("file:") ? tryGet(() => fileURLToPath(url)) : url;
      if (file !== undefined && path.isAbsolute(file)) files.add(file);
    });
    session.post("Debugger.enable");
    session.post("Debugger.disable");
  } finally {
    session.disconnect();
  }
  return files.size === 0 ? undefined : [...files];
}

function filesFromRequireCache(): string[] {
  const { createRequire } = process.getBuiltinModule("node:module");
  return Object.keys(createRequire(import.meta.url).cache);
}

/** The packages to which the files belong, each directory once. */
export function packagesOf(files: readonly string[]): PackageCopy[] {
  const path = process.getBuiltinModule("node:path");
  const known = new Map<string, PackageCopy | undefined>();
  const packageAt = (directory: string): PackageCopy | undefined => {
    if (known.has(directory)) return known.get(directory);
    const above = path.dirname(directory);
    // A package.json without a name and a version only sets the module type of a folder inside a package.
    const found = readPackage(directory, true) ?? (above === directory ? undefined : packageAt(above));
    known.set(directory, found);
    return found;
  };
  const copies = new Map<string, PackageCopy>();
  for (const file of files) {
    const copy = packageAt(path.dirname(file));
    if (copy !== undefined) copies.set(copy.directory, copy);
  }
  return [...copies.values()];
}

function readPackage(directory: string, loaded: boolean | undefined): PackageCopy | undefined {
  const { readFileSync } = process.getBuiltinModule("node:fs");
  const path = process.getBuiltinModule("node:path");
  const text = tryGet(() => readFileSync(path.join(directory, "package.json"), "utf8"));
  if (text === undefined) return undefined;
  const { name, version } = tryGet(() => JSON.parse(text) as { name?: unknown; version?: unknown }) ?? {};
  return typeof name === "string" && typeof version === "string" ? { name, version, directory, loaded } : undefined;
}

/** The package that a module resolves for a name; undefined if there is none. */
export function resolvedPackage(name: string, from: string | URL): PackageCopy | undefined {
  return tryGet(() => {
    const { createRequire } = process.getBuiltinModule("node:module");
    return packagesOf([createRequire(from).resolve(name)])[0];
  });
}

/** The number of folders that are searched at most. */
const MAX_FOLDERS = 20_000;

/**
 * The installed copies of a package that a module may resolve: in the folders above the module, and nested in other packages.
 *
 * @param loaded the value of `loaded` for the copies.
 */
export function installedCopies(name: string, from: string, loaded: boolean | undefined): PackageCopy[] {
  return tryGet(() => searchCopies(name, from, loaded)) ?? [];
}

function searchCopies(name: string, from: string, loaded: boolean | undefined): PackageCopy[] {
  const { readdirSync, realpathSync } = process.getBuiltinModule("node:fs");
  const path = process.getBuiltinModule("node:path");
  const seen = new Set<string>();
  const copies = new Map<string, PackageCopy>();

  const list = (folder: string): string[] => tryGet(() => readdirSync(folder)) ?? [];
  const visit = (directory: string): void => {
    const real = tryGet(() => realpathSync(directory));
    if (real === undefined || seen.has(real) || seen.size > MAX_FOLDERS) return;
    seen.add(real);
    if (directory.endsWith(path.join("node_modules", name))) {
      const copy = readPackage(real, loaded);
      if (copy?.name === name) copies.set(real, copy);
    }
    search(path.join(real, "node_modules"));
  };
  const search = (folder: string): void => {
    for (const entry of list(folder)) {
      const directory = path.join(folder, entry);
      if (entry.startsWith("@")) for (const scoped of list(directory)) visit(path.join(directory, scoped));
      else if (entry === ".pnpm") for (const stored of list(directory)) search(path.join(directory, stored, "node_modules"));
      else if (!entry.startsWith(".")) visit(directory);
    }
  };

  for (let folder = path.dirname(from); ; folder = path.dirname(folder)) {
    search(path.join(folder, "node_modules"));
    if (folder === path.dirname(folder)) return [...copies.values()];
  }
}
