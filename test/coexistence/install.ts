import { execFile } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const project = fileURLToPath(new URL("../../", import.meta.url));
const here = fileURLToPath(new URL("./", import.meta.url));

/** Packs what is in `dist` as it would be published, and returns the tarball. */
export async function pack(folder: string): Promise<string> {
  for (const old of globSync("*.tgz", { cwd: folder })) rmSync(join(folder, old));
  await npm(project, "pack", "--ignore-scripts", "--pack-destination", folder);
  const [tarball] = globSync("*.tgz", { cwd: folder });
  if (tarball === undefined) throw new Error("npm pack made no tarball");
  return join(folder, tarball);
}

/**
 * Installs a product and the package's tarball into a folder outside of the project, so that nothing is found that is not installed there, and
 * puts the agent beside it. Install scripts are not run.
 *
 * @returns the folder.
 */
export async function install(product: string, tarball: string, root: string): Promise<string> {
  const folder = join(root, product);
  mkdirSync(folder, { recursive: true });
  cpSync(join(here, product), folder, { recursive: true, filter: (source) => !source.includes("node_modules") });
  cpSync(join(here, "app"), folder, { recursive: true });
  // A folder that is kept has it all, but for the package as it is now.
  if (!existsSync(join(folder, "node_modules"))) await npm(folder, "ci", "--ignore-scripts");
  const target = join(folder, "node_modules", "a2a-otel");
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  await run("tar", ["-xzf", tarball, "-C", target, "--strip-components=1"]);
  return folder;
}

/** Runs npm on this Node: the one that has started this script if there is one, else that on the path. */
async function npm(cwd: string, ...args: string[]): Promise<void> {
  const started = process.env["npm_execpath"];
  const [program, first] = started === undefined ? ["npm", []] : [process.execPath, [started]];
  await run(program, [...first, ...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd, maxBuffer: 1 << 26 });
}
