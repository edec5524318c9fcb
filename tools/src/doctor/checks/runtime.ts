import { tryGet } from "../try-get.ts";
import type { Findings } from "../findings.ts";

/** What runs the program. */
export interface Runtime {
  readonly name: "node" | "bun" | "deno" | "workers" | "unknown";
  readonly version: string;
}

/** The oldest Node that works; a test holds it against package.json. */
export const OLDEST_NODE = "22.12";

const NAMES: Record<Runtime["name"], string> = {
  node: "Node",
  bun: "Bun",
  deno: "Deno",
  workers: "Cloudflare Workers",
  unknown: "an unknown runtime",
};

/** Which runtime this is. Bun, Deno and Workers have a `process` with a Node version too, so they are asked first. */
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

/** The runtime as a reader knows it. */
export function runtimeName({ name, version }: Runtime): string {
  return version === "" ? NAMES[name] : `${NAMES[name]} ${version}`;
}

export function checkRuntime(findings: Findings, runtime: Runtime, ownVersion: string): void {
  const what = `This is ${runtimeName(runtime)} with a2a-otel ${ownVersion}`;
  if (runtime.name === "node" && isOlder(runtime.version, OLDEST_NODE)) {
    findings.error(
      "runtime",
      `${what}, which needs Node ${OLDEST_NODE} or later.`,
      `install Node ${OLDEST_NODE} or later, best a version with long-term support.`,
    );
  } else if (runtime.name === "node") findings.ok("runtime", `${what}.`);
  else {
    findings.ok(
      "runtime",
      `${what}. Here fetch tells nothing of the wire: its spans end with the headers, an event stream's with its end, and redirects ` +
        "are one span.",
    );
  }
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = than.split(".").map(Number);
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}
