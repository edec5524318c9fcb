import { builtinModules } from "node:module";
import commonjs from "@rollup/plugin-commonjs";
import json from "@rollup/plugin-json";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import terser from "@rollup/plugin-terser";
import { always, once } from "./entries.js";

const minified = { format: "es", inlineDynamicImports: true, plugins: [terser()] };
const cjs = { format: "cjs", inlineDynamicImports: true };

// A file for each entry, with nothing shared between them.
export default [...always, ...once].map((name) => ({
  input: `src/${name}.js`,
  external: (id) => id.startsWith("node:") || builtinModules.includes(id),
  plugins: [nodeResolve({ preferBuiltins: true, exportConditions: ["node"] }), commonjs(), json()],
  output: [
    { ...minified, file: `dist/rollup-esm-min/${name}.mjs` },
    ...(always.includes(name) ? [{ ...cjs, file: `dist/rollup-cjs/${name}.cjs` }] : []),
  ],
}));
