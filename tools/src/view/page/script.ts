import { readFileSync } from "node:fs";

/** The modules of the page's script; each follows the modules that it imports. */
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

// The project's tests and demo run from the sources, but the page needs the built files, because browsers do not run TypeScript.
const FOLDER = import.meta.url.endsWith(".ts") ? "../../../dist/view/browser/" : "../browser/";

let script: string | undefined;

/**
 * Concatenates the page's script to one module. Its parts only import each other and all their top-level names are unique, so the imports and
 * exports can be removed.
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
