/**
 * `npm run docs:screenshot` runs the demo, opens its trace in Chromium, and writes the pictures of README.md: `examples/demo/view-light.webp` and
 * `view-dark.webp`.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { launch } from "../tools/test/view/browser.ts";

const demo = fileURLToPath(new URL("../examples/demo/", import.meta.url));
const SIZE = { width: 1200, height: 620 };

const folder = mkdtempSync(join(tmpdir(), "a2a-otel-screenshot-"));
const browser = await launch();
try {
  execFileSync(process.execPath, [join(demo, "main.ts")], { cwd: folder, stdio: "inherit" });
  for (const theme of ["light", "dark"] as const) {
    const picture = await compress(browser, await takePicture(browser, theme));
    writeFileSync(join(demo, `view-${theme}.webp`), picture);
    console.log(`examples/demo/view-${theme}.webp: ${picture.length} bytes`);
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}

async function takePicture(chromium: Browser, colorScheme: "light" | "dark"): Promise<Buffer> {
  const context = await chromium.newContext({ viewport: SIZE, colorScheme, locale: "en-GB", timezoneId: "UTC" });
  const page = await context.newPage();
  await page.goto(pathToFileURL(join(folder, "trace.html")).href);
  await page.getByRole("treegrid").waitFor();
  const png = await page.screenshot();
  await context.close();
  return png;
}

/** Converts a PNG to WebP, which Chromium can write and which is several times smaller. */
async function compress(chromium: Browser, png: Buffer): Promise<Buffer> {
  const page = await chromium.newPage();
  const base64 = await page.evaluate(async (source) => {
    const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${source}`)).blob());
    const canvas = document.createElement("canvas");
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext("2d")?.drawImage(picture, 0, 0);
    return canvas.toDataURL("image/webp", 0.8).replace(/^.*,/, "");
  }, png.toString("base64"));
  await page.close();
  return Buffer.from(base64, "base64");
}
