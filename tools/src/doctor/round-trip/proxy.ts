import type { Environment } from "../checks/environment.ts";
import type { Runtime } from "../checks/runtime.ts";
import { className } from "../try-get.ts";

/**
 * Finds a proxy through which the global fetch would send a call to loopback. The doctor only sends to loopback, so it makes no call then.
 *
 * @returns a description; undefined if there is no such proxy.
 */
export function findProxy({ name }: Runtime, environment: Environment, nodeOptions: readonly string[]): string | undefined {
  const dispatcher = className(globalDispatchers().find((one) => className(one)?.includes("Proxy")));
  if (dispatcher !== undefined && dispatcher !== "EnvHttpProxyAgent") return `undici's global dispatcher (${dispatcher})`;
  const variable = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].find((one) => (environment[one] ?? "") !== "");
  if (variable === undefined || excludesLoopback(environment)) return undefined;
  // Bun and Deno use the variable by default, Node only if it is configured to.
  const options = [...nodeOptions, environment["NODE_OPTIONS"] ?? ""].join(" ");
  const isUsed =
    dispatcher !== undefined ||
    name === "bun" ||
    name === "deno" ||
    isTrue(environment["NODE_USE_ENV_PROXY"]) ||
    options.includes("--use-env-proxy");
  return isUsed ? `the proxy in ${variable}, because NO_PROXY does not contain 127.0.0.1` : undefined;
}

/** The global dispatchers of all copies of undici, including the one in Node. */
function globalDispatchers(): unknown[] {
  return Object.getOwnPropertySymbols(globalThis)
    .filter((symbol) => /^undici\.globalDispatcher\.\d+$/.test(Symbol.keyFor(symbol) ?? ""))
    .map((symbol) => (globalThis as unknown as Record<symbol, unknown>)[symbol]);
}

function excludesLoopback(environment: Environment): boolean {
  const hosts = (environment["no_proxy"] ?? environment["NO_PROXY"] ?? "").split(/[,\s]+/);
  return hosts.includes("*") || hosts.includes("127.0.0.1");
}

const isTrue = (value: string | undefined): boolean => value === "1" || value === "true";
