/**
 * Builds `dist` and `tools/dist`: modules without comments, and declarations with comments. The source maps of the library lead to `src`, which
 * is published too; the tools have none.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildPage } from "./build-page.ts";
import { bundleLibrary } from "./bundle.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

async function buildLibrary(): Promise<void> {
  rmSync(`${root}dist`, { recursive: true, force: true });
  tsc("tsconfig.build.json", "--emitDeclarationOnly");
  await bundleLibrary();
}

function buildTools(): void {
  const project = "tools/tsconfig.build.json";
  rmSync(`${root}tools/dist`, { recursive: true, force: true });
  tsc(project, "--emitDeclarationOnly");
  tsc(
    project,
    "--noCheck",
    "--removeComments",
    "--declaration",
    "false",
    "--declarationMap",
    "false",
    "--isolatedDeclarations",
    "false",
  );
}

function tsc(project: string, ...args: string[]): void {
  execFileSync(`${root}node_modules/.bin/tsc`, ["-p", `${root}${project}`, ...args], { stdio: "inherit" });
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

await buildLibrary();
linkLibrary();
buildTools();
await buildPage();
