import { isBuiltin } from "node:module";
import { isAbsolute, join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Plugin } from "vitest/config";

const project = fileURLToPath(new URL("../../", import.meta.url));
const sources = join(project, "src");

/**
 * Has the project's tests run against what is installed in a cell: a file of `src` becomes the subpath of the package that publishes it, and
 * clients, frameworks and OpenTelemetry are the cell's. A file that no subpath publishes fails to resolve, as it would for a user.
 */
export async function installed(cell: string): Promise<Plugin> {
  const { resolve } = (await import(pathToFileURL(join(cell, "resolve.mjs")).href)) as { resolve: (name: string) => string };

  const inCell = (name: string): { id: string; external: true } => {
    const id = fileURLToPath(resolve(name));
    if (!id.startsWith(cell + sep)) throw new Error(`${name} is not installed in the cell, but found at ${id}`);
    return { id, external: true };
  };

  return {
    name: "installed",
    enforce: "pre",
    resolveId(source, importer) {
      if (importer === undefined || !importer.startsWith(project) || isAbsolute(source)) return null;
      if (isBuiltin(source) || /^(?:vitest(?:\/|$)|\0)/.test(source)) return null;
      if (!source.startsWith(".")) return inCell(source === "@opentelemetry/sdk-trace" ? "./sdk-trace.mjs" : source);
      const file = join(importer, "..", source);
      if (!file.startsWith(sources + sep)) return null;
      const subpath = relative(sources, file).replaceAll(sep, "/").replace(/\.ts$/, "");
      return inCell(subpath === "index" ? "a2a-otel" : `a2a-otel/${subpath}`);
    },
  };
}
