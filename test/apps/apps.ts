import type { App } from "./checks.ts";
import { bundledBy } from "./bundles.ts";
import { commonjs } from "./commonjs.ts";
import { jest } from "./jest.ts";
import { nextApp } from "./next.ts";
import { typescriptApp } from "./typescript.ts";
import { webApp } from "./web.ts";

const route = (client: string): string => `/call/${client}/:path`;

/** The apps, in the order in which they run. A new one: its folder in projects/, its line here. */
export const apps: readonly App[] = [
  webApp({ name: "express-4", clients: ["fetch", "axios"], route }),
  webApp({ name: "express-5", clients: ["fetch", "axios"], route }),
  webApp({ name: "fastify-5", clients: ["fetch", "axios"], route }),
  webApp({ name: "hono-4", clients: ["fetch", "axios"], route, errorType: "ERR_BAD_REQUEST" }),
  commonjs,
  jest,
  bundledBy("esbuild", ["esbuild.config.js"]),
  bundledBy("rollup", ["node_modules/rollup/dist/bin/rollup", "--config", "--silent"]),
  bundledBy("webpack", ["node_modules/webpack-cli/bin/cli.js"]),
  bundledBy("vite", ["node_modules/vite/bin/vite.js", "build"]),
  nextApp("next", []),
  nextApp("next-webpack", ["--webpack"]),
  // What got 16 and Hono declare needs 5.7, and before 5.8 a CommonJS module may not import an ES module.
  typescriptApp("5.6", { unreadable: ["got", "hono"], requires: false }),
  typescriptApp("5.7", { requires: false }),
  typescriptApp("5.8"),
  typescriptApp("5.9"),
  typescriptApp("6"),
  typescriptApp("7"),
];
