import type { Environment } from "../checks/environment.ts";
import { className } from "../try-get.ts";
import type { Runtime } from "../checks/runtime.ts";

/**
 * What would send a call to loopback elsewhere: a proxy that the global fetch uses. The doctor sends nothing but to loopback, and makes no call then.
 *
 * @returns a description; undefined where nothing is in the way.
 */
export function proxyInTheWay({ name }: Runtime, environment: Environment, nodeOptions: readonly string[]): string | undefined {
  const dispatcher = dispatchers().find((one) => className(one)?.includes("Proxy"));
  const class_ = className(dispatcher);
  if (class_ !== undefined && class_ !== "EnvHttpProxyAgent") return `the global dispatcher of undici, a ${class_}`;
  const proxy = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].find((variable) => (environment[variable] ?? "") !== "");
  if (proxy === undefined || sparesLoopback(environment)) return undefined;
  // Bun and Deno heed the variable by themselves, Node if it is told to.
  const options = [...nodeOptions, environment["NODE_OPTIONS"] ?? ""].join(" ");
  const isHeeded =
    class_ !== undefined ||
    name === "bun" ||
    name === "deno" ||
    isOn(environment["NODE_USE_ENV_PROXY"]) ||
    options.includes("--use-env-proxy");
  return isHeeded ? `the proxy of ${proxy}, since NO_PROXY does not name 127.0.0.1` : undefined;
}

/** The dispatchers that copies of undici, Node's own among them, share by symbols. */
function dispatchers(): unknown[] {
  return Object.getOwnPropertySymbols(globalThis)
    .filter((symbol) => /^undici\.globalDispatcher\.\d+$/.test(Symbol.keyFor(symbol) ?? ""))
    .map((symbol) => (globalThis as unknown as Record<symbol, unknown>)[symbol]);
}

function sparesLoopback(environment: Environment): boolean {
  const hosts = (environment["no_proxy"] ?? environment["NO_PROXY"] ?? "").split(/[,\s]+/);
  return hosts.includes("*") || hosts.includes("127.0.0.1");
}

const isOn = (value: string | undefined): boolean => value === "1" || value === "true";
