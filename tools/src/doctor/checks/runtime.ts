import type { Findings } from "../findings.ts";
import { tryGet } from "../try-get.ts";

/** The JavaScript runtime of the process. */
export interface Runtime {
  readonly name: "node" | "bun" | "deno" | "workers" | "unknown";
  readonly version: string;
}

/** The oldest supported version of Node; a test compares it with package.json. */
export const OLDEST_NODE = "22.12";

const NAMES: Record<Runtime["name"], string> = {
  node: "Node",
  bun: "Bun",
  deno: "Deno",
  workers: "Cloudflare Workers",
  unknown: "an unknown runtime",
};

/** Detects the runtime. Bun, Deno and Workers are tested first, because they also define `process.versions.node`. */
export function currentRuntime(): Runtime {
  const { Deno, navigator, process } = globalThis as {
    Deno?: { version?: { deno?: string } };
    navigator?: { userAgent?: string };
    process?: { versions?: Record<string, string | undefined> };
  };
  const versions = tryGet(() => process?.versions) ?? {};
  if (versions["bun"] !== undefined) return { name: "bun", version: versions["bun"] };
  if (Deno !== undefined) return { name: "deno", version: Deno.version?.deno ?? "" };
  if (navigator?.userAgent === "Cloudflare-Workers") return { name: "workers", version: "" };
  if (versions["node"] !== undefined) return { name: "node", version: versions["node"] };
  return { name: "unknown", version: "" };
}

/** The runtime's name and version for people. */
export function runtimeName({ name, version }: Runtime): string {
  return version === "" ? NAMES[name] : `${NAMES[name]} ${version}`;
}

export function checkRuntime(findings: Findings, runtime: Runtime, libraryVersion: string): void {
  const message = `The runtime is ${runtimeName(runtime)}, with a2a-otel ${libraryVersion}`;
  if (runtime.name === "node" && isOlder(runtime.version, OLDEST_NODE)) {
    findings.error(
      "runtime",
      `${message}, which needs Node ${OLDEST_NODE} or later.`,
      `Install Node ${OLDEST_NODE} or later, preferably a version with long-term support.`,
    );
  } else if (runtime.name === "node") findings.ok("runtime", `${message}.`);
  else {
    findings.ok(
      "runtime",
      `${message}. On this runtime fetch reports nothing about the connection: spans end when the headers arrive, spans of event streams end with the ` +
        "stream, and redirects are part of one span.",
    );
  }
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = than.split(".").map(Number);
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}
