import { fileURLToPath } from "node:url";
import { always, once } from "./entries.js";

const entry = (names) => Object.fromEntries(names.map((name) => [name, `./src/${name}.js`]));
const path = (folder) => fileURLToPath(new URL(`dist/${folder}`, import.meta.url));
const common = { mode: "production", target: "node22", performance: { hints: false } };

export default [
  {
    ...common,
    entry: entry([...always, ...once]),
    output: { path: path("webpack-cjs-min"), filename: "[name].cjs" },
  },
  {
    ...common,
    entry: entry(always),
    experiments: { outputModule: true },
    output: { path: path("webpack-esm"), filename: "[name].mjs", module: true, chunkFormat: "module" },
    optimization: { minimize: false },
  },
];
