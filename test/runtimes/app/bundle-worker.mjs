import { build } from "esbuild";

/** Bundles a Worker as Cloudflare's own tool does: npm packages come in one file, by their condition "workerd"; Node's modules stay imports. */
export async function bundleWorker(entry) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    write: false,
    external: ["node:*", "cloudflare:*"],
    alias: { async_hooks: "node:async_hooks", events: "node:events" },
    conditions: ["workerd", "worker", "browser"],
    logLevel: "error",
  });
  return outputFiles[0].text;
}

export const compatibility = { compatibilityDate: "2026-01-01", compatibilityFlags: ["nodejs_compat"] };
