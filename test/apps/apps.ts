import type { App } from "./checks.ts";
import { bundledBy } from "./bundles.ts";
import { nextApp } from "./next.ts";
import { webApp } from "./web.ts";

/** The apps, in the order in which they run. A new one: its folder beside this file, its line here. */
export const apps: readonly App[] = [
  webApp({ name: "express-4", clients: ["fetch", "axios"], route: (client) => `/call/${client}/:path` }),
  webApp({ name: "express-5", clients: ["fetch", "axios"], route: (client) => `/call/${client}/:path` }),
  bundledBy("esbuild", ["esbuild.config.js"]),
  bundledBy("rollup", ["node_modules/rollup/dist/bin/rollup", "--config", "--silent"]),
  bundledBy("webpack", ["node_modules/webpack-cli/bin/cli.js"]),
  bundledBy("vite", ["node_modules/vite/bin/vite.js", "build"]),
  nextApp("next", []),
  nextApp("next-webpack", ["--webpack"]),
];
