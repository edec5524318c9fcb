import { build } from "esbuild";
import { always, once } from "./entries.js";

const sources = (names) => names.map((name) => `src/${name}.js`);
const common = { bundle: true, platform: "node", target: "node22", logLevel: "warning" };
// What CommonJS packages require of Node has to come from somewhere in an ES module.
const banner = { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' };
const esm = { ...common, format: "esm", outExtension: { ".js": ".mjs" }, banner };
const cjs = { ...common, format: "cjs", outExtension: { ".js": ".cjs" } };

await build({ ...esm, entryPoints: sources(always), outdir: "dist/esbuild-esm" });
await build({ ...cjs, entryPoints: [...sources(always), "src/axios-required.cjs"], outdir: "dist/esbuild-cjs" });
await build({ ...esm, entryPoints: sources([...always, ...once]), minify: true, outdir: "dist/esbuild-esm-min" });
await build({ ...cjs, entryPoints: sources([...always, ...once]), minify: true, outdir: "dist/esbuild-cjs-min" });
