import { readFileSync } from "node:fs";

/** The modules of the page's script, each after those that it imports. */
const MODULES = [
  "dom/elements",
  "dom/format",
  "dom/theme",
  "waterfall/time-window",
  "waterfall/rows",
  "waterfall/visible",
  "view-state",
  "waterfall/timeline",
  "waterfall/overview",
  "waterfall/keyboard",
  "waterfall/filter-bar",
  "waterfall/waterfall",
  "details/values",
  "details/details",
  "details/headline",
  "details/tables",
  "details/graph-view",
  "trace-view",
  "trace-list",
  "live",
  "main",
] as const;

// Run from the sources, as the project's tests and demo do, it takes what was built from them: a browser reads no types.
const FOLDER = import.meta.url.endsWith(".ts") ? "../../../dist/view/browser/" : "../browser/";

let script: string | undefined;

/**
 * The page's script as one module. Its parts import nothing but each other, by names that are unique among them, so it is enough to put them in
 * order and leave the imports and exports out.
 */
export function pageScript(): string {
  script ??= MODULES.map(readModule).join("\n");
  return script;
}

function readModule(name: string): string {
  const text = readFileSync(new URL(`${FOLDER}${name}.js`, import.meta.url), "utf8");
  return text
    .replaceAll(/^import\b[^;]*;\n/gm, "")
    .replaceAll(/^export \{[^}]*\};\n/gm, "")
    .replaceAll(/^export /gm, "")
    .replaceAll(/^\/\/# sourceMappingURL.*\n?/gm, "");
}
