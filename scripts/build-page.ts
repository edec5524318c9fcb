/** Bundles the page of the viewer to `tools/dist/view/page`: one module without imports, the style sheet, and the licences of what is bundled. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const root = fileURLToPath(new URL("../", import.meta.url));

/** The packages that the page contains. */
const BUNDLED = ["preact", "@dagrejs/dagre", "@dagrejs/graphlib"];

export async function buildPage(): Promise<void> {
  const folder = `${root}tools/dist/view/page/`;
  mkdirSync(folder, { recursive: true });
  await build({
    input: `${root}tools/src/view/browser/main.tsx`,
    platform: "browser",
    // Its paths lead to declarations.
    tsconfig: false,
    transform: { jsx: { runtime: "automatic", importSource: "preact" }, define: { "process.env.NODE_ENV": '"production"' } },
    output: { file: `${folder}script.js`, format: "esm", minify: true, comments: false },
    logLevel: "warn",
  });
  copyFileSync(`${root}tools/src/view/page/style.css`, `${folder}style.css`);
  const licences = BUNDLED.map((name) => `${name}\n\n${readFileSync(`${root}node_modules/${name}/LICENSE`, "utf8")}`);
  writeFileSync(`${folder}LICENSES.txt`, licences.join("\n---\n\n"));
}
