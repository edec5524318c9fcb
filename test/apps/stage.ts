import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, runWell } from "./process.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Where apps are built and run: outside of this project, whose own `node_modules` would quietly supply what an app or the package has
 * forgotten. What is installed there stays for the next run.
 */
const stages = join(tmpdir(), `a2a-otel-apps-${createHash("sha256").update(root).digest("hex").slice(0, 8)}`);

/** A package as it would be published. */
export interface Packed {
  readonly name: "a2a-otel" | "a2a-otel-cli";
  readonly tarball: string;
}

/** Packs the library and the tools as they would be published. */
export async function pack(): Promise<Packed[]> {
  if (!existsSync(join(root, "dist/index.js"))) throw new Error("there is no dist: npm run build");
  mkdirSync(stages, { recursive: true });
  const library = await packFrom(root);
  const tools = await packFrom(join(root, "tools"));
  return [
    { name: "a2a-otel", tarball: library },
    { name: "a2a-otel-cli", tarball: tools },
  ];
}

async function packFrom(cwd: string): Promise<string> {
  const { stdout } = await runWell("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", stages], { cwd });
  return join(stages, stdout.trim().split("\n").pop() ?? "");
}

/** Copies an app to its stage, installs what its lockfile says, and lays the packed packages beside that. Returns the stage's path. */
export async function stage(folder: string, packages: readonly Packed[]): Promise<string> {
  const source = join(root, "test/apps/projects", folder);
  const target = join(stages, folder);
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(target)) {
    if (name !== "node_modules") rmSync(join(target, name), { recursive: true });
  }
  cpSync(source, target, { recursive: true, filter: (path) => !/^(?:node_modules|dist|\.next)$/.test(basename(path)) });
  await install(target);
  await unpack(packages, target);
  return target;
}

export async function install(target: string): Promise<void> {
  const lock = readFileSync(join(target, "package-lock.json"), "utf8");
  const stamp = join(target, "node_modules/.installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  await runWell("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: target, timeout: 300_000 });
  writeFileSync(stamp, lock);
}

/** A lockfile would hold the tarball's hash, which each build changes: so the packages are no dependencies of the app, but unpacked into it. */
export async function unpack(packages: readonly Packed[], target: string): Promise<void> {
  for (const { name, tarball } of packages) {
    const home = join(target, "node_modules", name);
    rmSync(home, { recursive: true, force: true });
    mkdirSync(home);
    await runWell("tar", ["-xzf", tarball, "-C", home, "--strip-components=1"], { cwd: target });
  }
  // npm knows the packages as extraneous, and nevertheless holds their dependencies and peers against what is there.
  const { stdout } = await run("npm", ["ls", "--all", "--json"], { cwd: target });
  const { problems = [] } = JSON.parse(stdout) as { problems?: string[] };
  // The tools have dependencies of their own, for commands that no app runs.
  const others = /^extraneous: a2a-otel(?:-cli)?@|^missing: .* required by a2a-otel-cli@/;
  const ours = problems.filter((problem) => /a2a-otel/.test(problem) && !others.test(problem));
  if (ours.length > 0) throw new Error(`what the packages need is not there:\n${ours.join("\n")}`);
}
