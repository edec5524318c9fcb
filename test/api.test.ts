import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { renderApi } from "../scripts/api.ts";
import type { ReadFile } from "../scripts/api.ts";

const page = readFileSync("docs/api.md", "utf8");
const readProject: ReadFile = (path) => readFileSync(path, "utf8");
const { exports } = JSON.parse(readProject("package.json")) as { exports: Record<string, string> };
const modules = Object.entries(exports).filter(([, target]) => target.endsWith(".js"));

/** The page's section on one subpath. */
const section = (subpath: string): string =>
  page.split(/^## /m).find((part) => part.startsWith(`a2a-otel${subpath.slice(1)}\n`)) ?? "";

describe("docs/api.md", () => {
  it("agrees with the types (otherwise run: npm run docs:api)", () => {
    expect(page).toBe(renderApi());
  });

  // The generator parses declarations as text; the module itself shows whether it missed an export.
  it.each(modules)("lists every run-time export of %s", async (subpath, target) => {
    const exported = (await import(new URL(`../${target}`, import.meta.url).href)) as object;
    const headings = [...section(subpath).matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
    expect(headings).toEqual(expect.arrayContaining(Object.keys(exported)));
  });
});

describe("renderApi", () => {
  it.each([
    {
      change: "an export is removed",
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
    {
      change: "an option is removed",
      file: "dist/core/telemetry/options.d.ts",
      from: "    baggageKeys?: readonly string[]",
      to: "    other?: readonly string[]",
    },
    {
      change: "the type of an inherited option changes",
      file: "dist/core/telemetry/options.d.ts",
      from: "knownMethods?: string[]",
      to: "knownMethods?: Set<string>",
    },
    {
      change: "a docstring changes",
      file: "dist/core/telemetry/options.d.ts",
      from: "Default: ",
      to: "By default: ",
    },
    {
      change: "a subpath is added",
      file: "package.json",
      from: '"./setup": ',
      to: '"./more": "./dist/got.js",\n    "./setup": ',
    },
  ])("renders another page when $change", ({ file, from, to }) => {
    expect(readProject(file)).toContain(from);
    const changed = renderApi((path) => (path === file ? readProject(path).replace(from, to) : readProject(path)));
    expect(changed).not.toBe(page);
  });

  it("throws an error that names an export whose declaration is missing", () => {
    const renamed: ReadFile = (path) => readProject(path).replace("export interface ContinueOptions", "export interface Renamed");
    expect(() => renderApi(renamed)).toThrow("dist/index.d.ts: ContinueOptions is not declared in ./propagation.ts");
  });
});
