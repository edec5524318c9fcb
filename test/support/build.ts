import { execFileSync } from "node:child_process";
import { existsSync, globSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Builds `dist`, which tests of the package, the examples and child processes use, unless it is newer than the sources. */
export function setup(): void {
  const built = `${root}tools/dist/cli.js`;
  const newest = Math.max(
    ...globSync("{src,tools/src}/**/*.{ts,tsx,cts,css}", { cwd: root }).map((file) => statSync(`${root}${file}`).mtimeMs),
  );
  if (existsSync(built) && statSync(built).mtimeMs > newest) return;
  execFileSync(process.execPath, [`${root}scripts/build.ts`], { stdio: "inherit" });
}
