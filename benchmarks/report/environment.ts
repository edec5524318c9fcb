import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, cpus, platform } from "node:os";

/** On what the figures were measured: the kind of machine, and the versions. No name of it. */
export interface Environment {
  readonly machine: string;
  readonly node: string;
  readonly versions: Record<string, string>;
}

const PACKAGES = ["@opentelemetry/api", "@opentelemetry/sdk-trace", "undici", "axios", "got"];

export function environment(): Environment {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? "unknown processor";
  return {
    machine: `${processors.length} x ${model}, ${platform()} ${arch()}`,
    node: process.versions.node,
    versions: Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
  };
}

/** Packages with their versions, as a page names them. */
export function packageList(versions: Record<string, string>): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
}

/** Packages do not all export their package.json: it is looked for above what they do export. */
function versionOf(name: string): string {
  const entries = createRequire(import.meta.url).resolve.paths(name) ?? [];
  for (const folder of entries) {
    try {
      return (JSON.parse(readFileSync(`${folder}/${name}/package.json`, "utf8")) as { version: string }).version;
    } catch {
      // Not in this folder.
    }
  }
  return "not installed";
}
