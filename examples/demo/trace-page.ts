import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { buildModel } from "../../tools/src/view/model/model.ts";
import { renderTracePage } from "../../tools/src/view/page/page.ts";
import type { StoredTrace } from "../../tools/src/view/store.ts";
import { PRICES } from "./model.ts";

/** Writes the trace to `trace.html` in the current folder, a self-contained page, and returns its path. */
export function writeTracePage(trace: StoredTrace): string {
  const path = resolve("trace.html");
  writeFileSync(path, renderTracePage(buildModel(trace, PRICES)));
  return path;
}
