import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, cpus, loadavg, platform } from "node:os";

const PACKAGES = ["@opentelemetry/api", "@opentelemetry/sdk-trace", "undici", "axios", "got"];

/**
 * When, on what and how thoroughly the measurement ran. It names the kind of machine, not the machine, and says if other programs used it too.
 *
 * @param share of the usual number of rounds.
 */
export function describeEnvironment(share: number): string {
  const processors = cpus();
  const machine = `${processors.length} x ${processors[0]?.model.trim() ?? "unknown processor"}, ${platform()} ${arch()}`;
  const versions = Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)]));
  const date = new Date().toISOString().slice(0, 10);
  const load = loadavg()[0] ?? 0;
  return [
    `Measured on ${date} on ${machine}, with Node ${process.versions.node}, ${packageList(versions)}.`,
    ...(share < 1 ? [`This run had ${Math.round(share * 100)} % of the usual rounds (\`--quick\`).`] : []),
    // A table keeps one processor busy by itself, and some tables two.
    ...(load > processors.length + 1
      ? [
          `Other programs were using the machine (load average ${load.toFixed(0)}), which makes microseconds larger and ratios less exact.`,
        ]
      : []),
  ].join(" ");
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
