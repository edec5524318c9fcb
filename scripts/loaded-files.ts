import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A module of `dist` and the modules of its own package that it imports, directly or not. */
export function loadedFiles(file: string, loaded: Set<string> = new Set()): Set<string> {
  if (loaded.has(file)) return loaded;
  loaded.add(file);
  for (const [, imported] of readFileSync(file, "utf8").matchAll(/^(?:import|export)\b[^"';]*["'](\.[^"']+)["']/gm)) {
    if (imported !== undefined) loadedFiles(join(dirname(file), imported), loaded);
  }
  return loaded;
}
