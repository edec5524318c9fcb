import { execFile } from "node:child_process";
import { cpSync, globSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const project = fileURLToPath(new URL("../../", import.meta.url));
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Packs what is in `dist` as it would be published, and returns the tarball. */
export async function pack(folder: string): Promise<string> {
  return packFrom(project, "a2a-otel-[0-9]*.tgz", folder);
}

/** The same for the package `a2a-otel-cli`. */
export async function packTools(folder: string): Promise<string> {
  return packFrom(join(project, "tools"), "a2a-otel-cli-[0-9]*.tgz", folder);
}

async function packFrom(source: string, name: string, folder: string): Promise<string> {
  await npm(source, "pack", "--ignore-scripts", "--pack-destination", folder);
  const [tarball] = globSync(name, { cwd: folder });
  if (tarball === undefined) throw new Error("npm pack made no tarball");
  return join(folder, tarball);
}

/**
 * The program of a line of Node.js: this process's own if it is of that line, else one from npm, which is downloaded once. Undefined where npm
 * has none for this system.
 */
export async function installNode(line: string): Promise<string | undefined> {
  if (process.versions.node.startsWith(`${line}.`)) return process.execPath;
  const folder = here(`nodes/${line}`);
  const program = (): string | undefined => globSync("node_modules/node-*/bin/node{,.exe}", { cwd: folder })[0];
  if (program() === undefined) await npm(folder, "ci");
  const found = program();
  return found === undefined ? undefined : join(folder, found);
}

/**
 * Installs a set of peers with the tarballs into a folder outside of the project, so that nothing is found that is not installed there, and puts
 * the smoke beside it.
 *
 * @returns the folder.
 * @throws Error where npm refuses the packages beside these peers, or brings more than them.
 */
export async function installPeers(set: string, tarballs: readonly string[], folder: string): Promise<string> {
  mkdirSync(folder);
  for (const file of ["package.json", "package-lock.json"]) cpSync(here(`peers/${set}/${file}`), join(folder, file));
  await npm(folder, "ci");
  const before = packagesIn(folder);
  // Strictly: a peer range that does not admit what is here is an error.
  await npm(folder, "install", "--no-save", "--prefer-offline", "--strict-peer-deps", ...tarballs);
  const expected = new Set(["a2a-otel", "a2a-otel-cli", ...before, ...dependenciesOfTools()]);
  const added = packagesIn(folder).filter((name) => !expected.has(name));
  if (added.length > 0) throw new Error(`with the packages npm has installed ${added.join(", ")}`);
  cpSync(here("smoke"), folder, { recursive: true });
  return folder;
}

/** What only the tools depend on, by the folders below node_modules; the library depends on what is there already. */
function dependenciesOfTools(): string[] {
  const { dependencies } = JSON.parse(readFileSync(join(project, "tools/package.json"), "utf8")) as { dependencies: object };
  return [...Object.keys(dependencies).map((name) => name.replace(/\/.*/, "")), "long"];
}

function packagesIn(folder: string): string[] {
  return readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."));
}

/** Runs npm on this Node: the one that has started this script if there is one, else that on the path. */
export async function npm(cwd: string, ...args: string[]): Promise<void> {
  const started = process.env["npm_execpath"];
  const [program, first] = started === undefined ? ["npm", []] : [process.execPath, [started]];
  await run(program, [...first, ...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd });
}
