import { build } from "esbuild";
import { Miniflare } from "miniflare";

// As Cloudflare's own tool does it: npm packages come to a Worker in one file, by their condition "workerd"; Node's modules stay imports.
const { outputFiles } = await build({
  entryPoints: ["worker.mjs"],
  bundle: true,
  format: "esm",
  write: false,
  external: ["node:*"],
  alias: { async_hooks: "node:async_hooks", events: "node:events" },
  conditions: ["workerd", "worker", "browser"],
  logLevel: "error",
});
const worker = new Miniflare({
  modules: true,
  script: outputFiles[0].text,
  compatibilityDate: "2026-01-01",
  compatibilityFlags: ["nodejs_compat"],
  host: "127.0.0.1",
  port: 0,
});
console.log((await worker.ready).origin);
