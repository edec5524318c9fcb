import { defineConfig } from "vite";
import { always, once } from "./entries.js";

// Entries share chunks, as in an application with several.
export default defineConfig({
  logLevel: "warn",
  ssr: { noExternal: true, target: "node" },
  build: {
    ssr: true,
    outDir: "dist/vite-ssr",
    target: "node22",
    minify: true,
    rollupOptions: {
      input: Object.fromEntries([...always, ...once].map((name) => [name, `src/${name}.js`])),
      output: { entryFileNames: "[name].mjs" },
    },
  },
});
