// dist: modules without comments, and declarations with them. Their maps lead to src, which is published too; but for the tools, which nobody
// reads in an editor.
import { execFileSync } from "node:child_process";
import { globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));

function tsc(...args: string[]): void {
  execFileSync(`${root}node_modules/.bin/tsc`, ["-p", `${root}tsconfig.build.json`, ...args], { stdio: "inherit" });
}

rmSync(`${root}dist`, { recursive: true, force: true });
tsc("--emitDeclarationOnly");
tsc("--noCheck", "--removeComments", "--declaration", "false", "--declarationMap", "false", "--isolatedDeclarations", "false");

const dist = `${root}dist/`;
for (const map of globSync("{doctor,view}/**/*.map", { cwd: dist })) {
  const file = dist + map.slice(0, -".map".length);
  writeFileSync(file, readFileSync(file, "utf8").replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n"));
  rmSync(dist + map);
}
