import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { crowdedFolders, describeImports, findCycle, missingFiles, readImportGraph } from "../../test/support/import-graph.ts";

const root = fileURLToPath(new URL("../src", import.meta.url));
const graph = readImportGraph(root);
const { files, imports, isInternal } = graph;

describe("the architecture of the tools", () => {
  it("is read completely: every relative import leads to a file", () => {
    expect(files).toEqual(expect.arrayContaining(["cli.ts", "doctor/examine.ts", "view/browser/main.tsx"]));
    expect(describeImports(missingFiles(graph))).toEqual([]);
  });

  it("has no import cycles, type-only imports included", () => {
    expect(findCycle(graph)).toBeUndefined();
  });

  it("has no folder with more than 15 files", () => {
    expect(crowdedFolders(graph)).toEqual([]);
  });

  it("imports nothing but Node, OpenTelemetry's API and public exports of the library, except in the view", () => {
    const { exports } = JSON.parse(readFileSync(join(root, "../../package.json"), "utf8")) as { exports: object };
    // The built file, because `require` resolves no sources.
    const allowed = new Set([
      "@opentelemetry/api",
      "doctor/observe-app.js",
      ...Object.keys(exports).map((subpath) => posix.join("a2a-otel", subpath)),
    ]);
    const others = imports.filter(
      (one) => !one.file.startsWith("view/") && !isInternal(one) && !one.from.startsWith("node:") && !allowed.has(one.from),
    );
    expect(describeImports(others)).toEqual([]);
  });

  it("keeps the doctor and the view apart", () => {
    const crossing = imports.filter(
      ({ file, from }) =>
        (file.startsWith("doctor") && from.startsWith("view/")) || (file.startsWith("view/") && from.startsWith("doctor")),
    );
    expect(describeImports(crossing)).toEqual([]);
  });

  it("lets the view work without OpenTelemetry and without the library, with the package's own dependencies", () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, "../package.json"), "utf8")) as { dependencies: object };
    const ofView = imports.filter((one) => one.file.startsWith("view/") && !one.file.startsWith("view/browser/"));
    const isDependency = (from: string): boolean => Object.keys(dependencies).some((name) => `${from}/`.startsWith(`${name}/`));
    const others = ofView.filter((one) => !isInternal(one) && !one.from.startsWith("node:") && !isDependency(one.from));
    expect(describeImports(others)).toEqual([]);
  });

  it("loads the library and OpenTelemetry's API in one file, so that the doctor can examine the application's copies", () => {
    const atRunTime = imports.filter(({ from, isType }) => !isType && /^(?:@opentelemetry|a2a-otel)\//.test(from));
    const allowed = new Set(["doctor/own-modules.ts", "doctor/command/command.ts"]);
    expect(describeImports(atRunTime.filter(({ file }) => !allowed.has(file)))).toEqual([]);
  });

  it("imports at run time into the page's script only files of the page, the formatting of values, and bundled packages", () => {
    const allowed = /^(?:view\/browser\/|view\/model\/format\.ts$|preact(?:\/hooks)?$|@dagrejs\/dagre$)/;
    const elsewhere = imports.filter(
      ({ file, from, isType }) => file.startsWith("view/browser/") && !isType && !allowed.test(from),
    );
    expect(describeImports(elsewhere)).toEqual([]);
  });
});
