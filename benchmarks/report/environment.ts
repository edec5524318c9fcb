import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, cpus, platform } from "node:os";

const PACKAGES = ["@opentelemetry/api", "@opentelemetry/sdk-trace", "undici", "axios", "got"];

/** One sentence: when and on what the measurement ran. It names the kind of machine, not the machine. */
export function describeEnvironment(): string {
  const processors = cpus();
  const machine = `${processors.length} x ${processors[0]?.model.trim() ?? "unknown processor"}, ${platform()} ${arch()}`;
  const versions = Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)]));
  const date = new Date().toISOString().slice(0, 10);
  return `Measured on ${date} on ${machine}, with Node ${process.versions.node}, ${packageList(versions)}.`;
}

/** Packages with their versions, separated by commas. */
export function packageList(versions: Record<string, string>): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
}

/** Not every package exports its package.json, so the file is searched for in the folders of node_modules. */
function versionOf(name: string): string {
  const entries = createRequire(import.meta.url).resolve.paths(name) ?? [];
  for (const folder of entries) {
    try {
      return (JSON.parse(readFileSync(`${folder}/${name}/package.json`, "utf8")) as { version: string }).version;
    } catch {
      // The package is not in this folder.
    }
  }
  return "not installed";
}
