import "@opentelemetry/api";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { isCompatible } from "../../src/doctor/checks/copies.ts";
import { installedCopies, loadedFiles, packagesOf, resolvedPackage } from "../../src/doctor/packages.ts";
import { FETCH, PROCESSES, SERVER, copyApi, diagnose, makeApp, sdk } from "./app.ts";
import type { App } from "./app.ts";

const GOOD = `${sdk()} startSdk(); ${FETCH} ${SERVER}`;
/** The API's version, of which copies are older or newer. */
const version = resolvedPackage("@opentelemetry/api", import.meta.url)?.version ?? "";
const [major, minor] = version.split(".").map(Number) as [number, number];

describe("doctor, for copies of @opentelemetry/api", PROCESSES, () => {
  it("reports once that a2a-otel does not see an SDK that was registered with an older minor version", async () => {
    const older = `${major}.${minor - 1}.0`;
    const { of, report, summary } = await diagnose(GOOD, { prepare: (app) => copyApi(app, ".", older) });
    expect(summary).toMatchObject({ code: 1, errors: ["api-invisible", "round-trip"] });
    expect(of("api-invisible")[0]).toMatchObject({
      message: expect.stringContaining(
        `registered with @opentelemetry/api ${older}, but a2a-otel uses @opentelemetry/api ${version}`,
      ),
      remedy: expect.stringContaining("npm dedupe"),
    });
    expect(of("round-trip")[0]?.message).toContain("because what is registered cannot be seen");
    const apis = report.copies.filter(({ name }) => name === "@opentelemetry/api");
    expect(Object.fromEntries(apis.map((copy) => [copy.version, copy.loaded]))).toEqual({ [version]: true, [older]: true });
  });

  it("reports that a2a-otel does not see what was registered with another major version", async () => {
    const next = `${major + 1}.0.0`;
    const { code, of } = await diagnose(GOOD, { prepare: (app) => copyApi(app, ".", next) });
    expect(code).toBe(1);
    expect(of("api-major")[0]?.message).toContain(
      `registered with @opentelemetry/api ${next}, but a2a-otel uses @opentelemetry/api ${version}`,
    );
  });

  it("reports the path of a newer copy that sees nothing of what is registered", async () => {
    const newer = `${major}.${minor + 1}.0`;
    const library = 'import { trace } from "@opentelemetry/api"; export const tracer = trace.getTracer("library");';
    const { of, summary } = await diagnose(`${GOOD} import "./lib/index.mjs";`, {
      prepare: (app) => {
        mkdirSync(join(app.folder, "lib"));
        writeFileSync(join(app.folder, "lib/index.mjs"), library);
        copyApi(app, "lib", newer);
      },
    });
    expect(summary).toMatchObject({ code: 1, errors: ["api-copies"] });
    expect(of("api-copies")[0]?.message).toContain(`${newer} in lib/node_modules/@opentelemetry/api, loaded`);
  });

  it("accepts two copies of the same version", async () => {
    const { of, summary } = await diagnose(GOOD, { prepare: (app) => copyApi(app, ".", version) });
    expect(summary).toMatchObject({ code: 0, warnings: [] });
    expect(of("api")[0]?.message).toContain(
      "2 copies of @opentelemetry/api with the same version are loaded. They share what is registered.",
    );
  });

  it("mentions an older copy that is installed but not loaded", async () => {
    const older = `${major}.${minor - 1}.0`;
    const { of, summary } = await diagnose(GOOD, {
      prepare: (app) => {
        mkdirSync(join(app.folder, "node_modules/library"));
        copyApi(app, "node_modules/library", older);
      },
    });
    expect(summary).toMatchObject({ code: 0, warnings: [] });
    expect(of("api-copies")[0]?.message).toContain(`${older} in node_modules/library/node_modules/@opentelemetry/api, not loaded`);
  });
});

it.each([
  { copy: "1.9.0", registered: "1.9.0", compatible: true },
  { copy: "1.9.0", registered: "1.10.1", compatible: true },
  { copy: "1.10.0", registered: "1.9.0", compatible: false },
  { copy: "1.9.5", registered: "1.9.0", compatible: true },
  { copy: "2.0.0", registered: "1.9.0", compatible: false },
  { copy: "1.9.0-beta.1", registered: "1.9.0", compatible: false },
])("isCompatible() of version $copy with $registered registered is $compatible", ({ copy, registered, compatible }) => {
  expect(isCompatible(copy, registered)).toBe(compatible);
});

describe("the search for packages", () => {
  let app: App | undefined;
  afterEach(() => app?.remove());

  it("finds nested, hoisted and linked packages and those in pnpm's store, each once", () => {
    const manifest = (of: string): string => JSON.stringify({ name: "@scope/x", version: of });
    app = makeApp({
      "node_modules/@scope/x/package.json": manifest("1.0.0"),
      "node_modules/other/node_modules/@scope/x/package.json": manifest("2.0.0"),
      "node_modules/.pnpm/@scope+x@3.0.0/node_modules/@scope/x/package.json": manifest("3.0.0"),
      "node_modules/@scope/y/node_modules/deep/node_modules/@scope/x/package.json": manifest("4.0.0"),
      "packages/agent/node_modules/@scope/x/package.json": manifest("5.0.0"),
      "packages/agent/index.js": "",
    });
    symlinkSync(join(app.folder, "packages/agent"), join(app.folder, "node_modules/agent"));
    const found = installedCopies("@scope/x", join(app.folder, "packages/agent/index.js"), false);
    expect(found.map((copy) => copy.version).toSorted()).toEqual(["1.0.0", "2.0.0", "3.0.0", "4.0.0", "5.0.0"]);
    expect(found.every(({ loaded }) => loaded === false)).toBe(true);
  });

  it("finds the loaded packages, including ES modules", () => {
    const names = packagesOf(loadedFiles() ?? []).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["vitest", "@opentelemetry/api"]));
  });
});
