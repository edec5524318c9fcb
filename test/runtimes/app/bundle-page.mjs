import { build } from "esbuild";

await build({
  entryPoints: ["page.mjs"],
  bundle: true,
  format: "iife",
  outfile: "page.js",
  platform: "browser",
  logLevel: "error",
});
