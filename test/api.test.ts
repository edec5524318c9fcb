import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { renderApi } from "../scripts/api.ts";
import type { Read } from "../scripts/api.ts";

const page = readFileSync("docs/api.md", "utf8");
const read: Read = (path) => readFileSync(path, "utf8");
const { exports } = JSON.parse(read("package.json")) as { exports: Record<string, string> };
const modules = Object.entries(exports).filter(([, target]) => target.endsWith(".js"));

/** The page's part on one subpath. */
const section = (subpath: string): string =>
  page.split(/^## /m).find((part) => part.startsWith(`a2a-otel${subpath.slice(1)}\n`)) ?? "";

test("docs/api.md says what the types say (else: npm run build && node scripts/api.ts)", () => {
  expect(page).toBe(renderApi());
});

// What the reader of declarations might overlook, the runtime knows.
test.each(modules)("%s: each export that is there at run time has its place", async (subpath, target) => {
  const found = (await import(new URL(`../${target}`, import.meta.url).href)) as object;
  const headings = [...section(subpath).matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
  expect(headings).toEqual(expect.arrayContaining(Object.keys(found)));
});

test.each([
  {
    change: "an export is gone",
    file: "dist/fetch.d.ts",
    from: "export declare function wrapFetch",
    to: "declare function wrapFetch",
  },
  {
    change: "a parameter is added",
    file: "dist/got.d.ts",
    from: "options?: GotOptions",
    to: "options?: GotOptions, more?: string",
  },
  { change: "an option is gone", file: "dist/core/options.d.ts", from: "    baggageKeys?: readonly string[];\n", to: "" },
  {
    change: "an inherited option changes",
    file: "dist/core/options.d.ts",
    from: "knownMethods?: string[]",
    to: "knownMethods?: Set<string>",
  },
  {
    change: "a default changes in a docstring",
    file: "dist/core/options.d.ts",
    from: "Default: everyone;",
    to: "Default: nobody;",
  },
  { change: "a subpath is added", file: "package.json", from: '"./setup": ', to: '"./more": "./dist/got.js",\n    "./setup": ' },
])("the page is another when $change", ({ file, from, to }) => {
  expect(read(file)).toContain(from);
  expect(renderApi((path) => (path === file ? read(path).replace(from, to) : read(path)))).not.toBe(page);
});

test("an export that cannot be found is an error that names it", () => {
  const gone: Read = (path) => read(path).replace("export interface ContinueOptions", "export interface Renamed");
  expect(() => renderApi(gone)).toThrow("dist/index.d.ts: ContinueOptions is not in ./propagation.ts");
});
