/**
 * Builds `dist` and `tools/dist`: modules without comments, and declarations with comments. The source maps of the library lead to `src`, which
 * is published too; the tools have none.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));

function compile(project: string, folder: string): void {
  const tsc = (...args: string[]): void => {
    execFileSync(`${root}node_modules/.bin/tsc`, ["-p", `${root}${project}`, ...args], { stdio: "inherit" });
  };
  rmSync(`${root}${folder}`, { recursive: true, force: true });
  tsc("--emitDeclarationOnly");
  tsc("--noCheck", "--removeComments", "--declaration", "false", "--declarationMap", "false", "--isolatedDeclarations", "false");
}

/**
 * Makes the library resolvable from `tools`, as it is when npm has installed both packages. npm workspaces would do the same, but changesets does
 * not support a workspace root that is a package itself.
 */
function linkLibrary(): void {
  const modules = `${root}tools/node_modules`;
  mkdirSync(modules, { recursive: true });
  rmSync(`${modules}/a2a-otel`, { recursive: true, force: true });
  symlinkSync(root, `${modules}/a2a-otel`, "junction");
}

compile("tsconfig.build.json", "dist");
linkLibrary();
compile("tools/tsconfig.build.json", "tools/dist");
