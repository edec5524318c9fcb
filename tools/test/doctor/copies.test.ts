import "@opentelemetry/api";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { sees } from "../../src/doctor/checks/copies.ts";
import { installedCopies, loadedFiles, packagesOf, resolvedPackage } from "../../src/doctor/packages.ts";
import { FETCH, PROCESSES, SERVER, copyApi, diagnose, makeApp, sdk } from "./app.ts";
import type { App } from "./app.ts";

const GOOD = `${sdk()} startSdk(); ${FETCH} ${SERVER}`;
/** The API's version, of which copies are older or newer. */
const version = resolvedPackage("@opentelemetry/api", import.meta.url)?.version ?? "";
const [major, minor] = version.split(".").map(Number) as [number, number];

describe("copies of @opentelemetry/api", PROCESSES, () => {
  test("an SDK that was registered with an older minor version is not there for a2a-otel, which says so once", async () => {
    const older = `${major}.${minor - 1}.0`;
    const { code, ids, of, report } = await diagnose(GOOD, { prepare: (app) => copyApi(app, ".", older) });
    expect([code, ids("error")]).toEqual([1, ["api-invisible", "round-trip"]]);
    expect(of("api-invisible")[0]).toMatchObject({
      message: expect.stringContaining(`registered with @opentelemetry/api ${older}. a2a-otel uses @opentelemetry/api ${version}`),
      remedy: expect.stringContaining("npm dedupe"),
    });
    expect(of("round-trip")[0]?.message).toContain("since what is registered cannot be seen");
    const apis = report.copies.filter(({ name }) => name === "@opentelemetry/api");
    expect(Object.fromEntries(apis.map((copy) => [copy.version, copy.loaded]))).toEqual({ [version]: true, [older]: true });
  });

  test("one of another major version knows nothing of ours", async () => {
    const next = `${major + 1}.0.0`;
    const { code, of } = await diagnose(GOOD, { prepare: (app) => copyApi(app, ".", next) });
    expect(code).toBe(1);
    expect(of("api-major")[0]?.message).toContain(
      `registered with @opentelemetry/api ${next}, while a2a-otel uses @opentelemetry/api ${version}`,
    );
  });

  test("a package with a newer copy of its own makes no spans, and is named by its path", async () => {
    const newer = `${major}.${minor + 1}.0`;
    const library = 'import { trace } from "@opentelemetry/api"; export const tracer = trace.getTracer("library");';
    const { code, ids, of } = await diagnose(`${GOOD} import "./lib/index.mjs";`, {
      prepare: (app) => {
        mkdirSync(join(app.folder, "lib"));
        writeFileSync(join(app.folder, "lib/index.mjs"), library);
        copyApi(app, "lib", newer);
      },
    });
    expect([code, ids("error")]).toEqual([1, ["api-copies"]]);
    expect(of("api-copies")[0]?.message).toContain(`${newer} in lib/node_modules/@opentelemetry/api, loaded`);
  });

  test("two of the same version share what is registered", async () => {
    const { code, ids, of } = await diagnose(GOOD, { prepare: (app) => copyApi(app, ".", version) });
    expect([code, ids("warning")]).toEqual([0, []]);
    expect(of("api")[0]?.message).toContain(
      "2 copies of @opentelemetry/api are loaded, of one version; they share what is registered.",
    );
  });

  test("an older one that is installed and not loaded is told of, and no more", async () => {
    const older = `${major}.${minor - 1}.0`;
    const { code, ids, of } = await diagnose(GOOD, {
      prepare: (app) => {
        mkdirSync(join(app.folder, "node_modules/library"));
        copyApi(app, "node_modules/library", older);
      },
    });
    expect([code, ids("warning")]).toEqual([0, []]);
    expect(of("api-copies")[0]?.message).toContain(
      `${older} in node_modules/library/node_modules/@opentelemetry/api, not loaded by now`,
    );
  });
});

test.each([
  { copy: "1.9.0", registered: "1.9.0", seen: true },
  { copy: "1.9.0", registered: "1.10.1", seen: true },
  { copy: "1.10.0", registered: "1.9.0", seen: false },
  { copy: "1.9.5", registered: "1.9.0", seen: true },
  { copy: "2.0.0", registered: "1.9.0", seen: false },
  { copy: "1.9.0-beta.1", registered: "1.9.0", seen: false },
])("a copy $copy and what $registered has registered: $seen", ({ copy, registered, seen }) => {
  expect(sees(copy, registered)).toBe(seen);
});

describe("packages", () => {
  let app: App | undefined;
  afterEach(() => app?.remove());

  test("are found nested, above, linked, and in pnpm's store, each once", () => {
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

  test("that are loaded are seen, ES modules too", () => {
    const names = packagesOf(loadedFiles() ?? []).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["vitest", "@opentelemetry/api"]));
  });
});
