import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runWell } from "../apps/process.ts";
import { pack } from "../apps/stage.ts";
import type { Packed } from "../apps/stage.ts";

const source = fileURLToPath(new URL(".", import.meta.url));

/**
 * Copies what runs on the runtimes to a folder outside of this project, whose `node_modules` would supply what is forgotten, installs what the
 * lockfile says, and lays the packed package beside that. What is installed stays for the next run.
 *
 * @returns the folder's path.
 */
export async function stage(): Promise<string> {
  const [library] = await pack();
  const { tarball } = library as Packed;
  const target = join(dirname(tarball), "runtimes");
  mkdirSync(target, { recursive: true });
  for (const name of ["package.json", "package-lock.json"]) cpSync(join(source, name), join(target, name));
  cpSync(join(source, "app"), target, { recursive: true });
  await install(target);
  const home = join(target, "node_modules/a2a-otel");
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home);
  await runWell("tar", ["-xzf", tarball, "-C", home, "--strip-components=1"], { cwd: target });
  return target;
}

async function install(target: string): Promise<void> {
  const lock = readFileSync(join(target, "package-lock.json"), "utf8");
  const stamp = join(target, "node_modules/.installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  console.log("Installing the runtimes (about 500 MB), once ...");
  await runWell("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: target, timeout: 600_000 });
  writeFileSync(stamp, lock);
}

/** The program of a runtime: what the environment names, else the one among the packages; undefined where there is none for this system. */
export function programOf(target: string, variable: string, pattern: string): string | undefined {
  const named = process.env[variable];
  if (named !== undefined && named !== "") return named;
  const found = globSync(pattern, { cwd: join(target, "node_modules") });
  return found[0] === undefined ? undefined : join(target, "node_modules", found[0]);
}
