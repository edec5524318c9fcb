import { execFile } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadedFiles } from "../scripts/loaded-files.ts";
import { pack } from "./matrix/install.ts";

const run = promisify(execFile);
const project = fileURLToPath(new URL("../", import.meta.url));

// Bytes. A budget is the measured size plus about 5 %.
const PACKED = 475_000;
const UNPACKED = 1_900_000;

interface Manifest {
  readonly exports: Record<string, string>;
  readonly scripts: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
  readonly peerDependenciesMeta: Record<string, { optional?: boolean }>;
}

/** A user's project with the packed package installed; its peers are this project's packages. */
const user = mkdtempSync(join(tmpdir(), "a2a-otel-package-"));
const installed = join(user, "node_modules/a2a-otel");
let tarball: string;
let files: string[];
let manifest: Manifest;

const text = (file: string): string => readFileSync(join(installed, file), "utf8");
const ending = (suffix: string): string[] => files.filter((file) => file.endsWith(suffix));
const entries = (): string[] =>
  Object.values(manifest.exports)
    .map((target) => posix.normalize(target))
    .filter((file) => file.endsWith(".js"));
const sharedChunks = (): string[] => ending(".js").filter((file) => posix.dirname(file) === "dist/chunks");

/** Whether a module has code of its own, and so a source map: some entries only export what a shared chunk contains. */
const hasCode = (file: string): boolean => /^(?!import|export|$)/m.test(text(file));

/** The files of the sources that the source map of a file names. */
function sourcesOf(file: string): string[] {
  const [, map = ""] = /\/\/# sourceMappingURL=(\S+)\s*$/.exec(text(file)) ?? [];
  expect(map, file).toBe(`${posix.basename(file)}.map`);
  const { sources } = JSON.parse(text(posix.join(dirname(file), map))) as { sources: string[] };
  return sources.map((source) => posix.join(dirname(file), source));
}

beforeAll(async () => {
  mkdirSync(installed, { recursive: true });
  tarball = await pack(user);
  await run("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
  files = globSync("**/*", { cwd: installed, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(installed.length + 1)
        .replaceAll("\\", "/"),
    );
  manifest = JSON.parse(text("package.json")) as Manifest;
}, 60_000);
afterAll(() => rmSync(user, { recursive: true, force: true }));

describe("the packed package", () => {
  it("contains the build, its sources and the user documentation, and nothing else", () => {
    const pages = ["CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "package.json"];
    const sources = globSync("src/**/*.ts", { cwd: project }).map((file) => file.replaceAll("\\", "/"));
    const modules = [...entries(), ...sharedChunks()];
    expect([...pages, ...sources, ...modules].filter((file) => !files.includes(file))).toEqual([]);
    // `npm run build` removes files of deleted sources from dist.
    const declarations = sources.map((file) => file.replace(/^src\/(.*)\.ts$/, "dist/$1.d.ts"));
    const built = [...modules, ...declarations].flatMap((file) => [file, `${file}.map`]);
    const known = new Set([...pages, ...sources, ...built]);
    expect(files.filter((file) => !known.has(file) && !/^docs\/[\w-]+\.md$/.test(file))).toEqual([]);
  });

  it("contains every export and its types, and no command", () => {
    const targets = Object.values(manifest.exports).map((target) => posix.normalize(target));
    const types = targets.filter((target) => target.endsWith(".js")).map((target) => target.replace(/\.js$/, ".d.ts"));
    expect([...targets, ...types].filter((file) => !files.includes(file))).toEqual([]);
    expect(manifest).not.toHaveProperty("bin");
  });

  it("contains every file that another one imports", () => {
    const missing = [...ending(".js"), ...ending(".d.ts")].flatMap((file) => {
      const imports = [...text(file).matchAll(/(?:from|import|import\()\s*"(\.[^"]+)"/g)].map(([, name = ""]) =>
        posix.join(dirname(file), name),
      );
      const wanted = file.endsWith(".d.ts") ? imports.map((name) => name.replace(/\.[jt]s$/, ".d.ts")) : imports;
      return wanted.filter((name) => !files.includes(name)).map((name) => `${file} imports ${name}`);
    });
    expect(missing).toEqual([]);
  });

  it("contains every source map and the sources that it refers to", () => {
    for (const file of ending(".js").filter(hasCode)) expect(files, file).toEqual(expect.arrayContaining(sourcesOf(file)));
    for (const file of ending(".d.ts")) {
      const source = file.replace(/^dist\//, "src/").replace(/\.d\.ts$/, ".ts");
      expect(sourcesOf(file)).toEqual([source]);
      expect(files).toContain(source);
    }
  });

  it("contains each module once, so that copies of its state cannot differ", () => {
    const bundled = ending(".js").filter(hasCode).flatMap(sourcesOf);
    expect(bundled.filter((source, i) => bundled.indexOf(source) !== i)).toEqual([]);
  });

  it("loads at most five files for each export", () => {
    const tooMany = entries().filter((entry) => loadedFiles(join(installed, entry)).size > 5);
    expect(tooMany).toEqual([]);
  });

  it("loads no node: module on platforms that do not have them", () => {
    const nodeOnly = /^dist\/(?:undici|axios|got|node|register)\.js$/;
    const loaded = entries().flatMap((entry) => (nodeOnly.test(entry) ? [] : [...loadedFiles(join(installed, entry))]));
    expect(loaded.filter((file) => /^import\b.*"node:/m.test(readFileSync(file, "utf8")))).toEqual([]);
  });

  it("runs nothing when it is installed", () => {
    expect(Object.keys(manifest.scripts).filter((name) => /^(?:pre|post)?(?:install|prepare)$|^dependencies$/.test(name))).toEqual(
      [],
    );
    expect(files.filter((file) => file.endsWith("binding.gyp"))).toEqual([]); // npm would build it
  });

  it("depends on OpenTelemetry packages only, and every other peer is optional", () => {
    expect(Object.keys(manifest.dependencies).filter((name) => !name.startsWith("@opentelemetry/"))).toEqual([]);
    expect(manifest).not.toHaveProperty("optionalDependencies");
    expect(manifest).not.toHaveProperty("bundleDependencies");
    const required = Object.keys(manifest.peerDependencies).filter(
      (name) => manifest.peerDependenciesMeta[name]?.optional !== true,
    );
    expect(required).toEqual(["@opentelemetry/api"]);
    const unused = Object.keys(manifest.peerDependenciesMeta).filter((name) => !Object.hasOwn(manifest.peerDependencies, name));
    expect(unused).toEqual([]);
  });

  it("stays within its size budget", () => {
    expect(statSync(tarball).size).toBeLessThan(PACKED);
    expect(files.reduce((sum, file) => sum + statSync(join(installed, file)).size, 0)).toBeLessThan(UNPACKED);
  });

  it.each(["nodenext", "bundler"])(
    "has types for every export with TypeScript's module resolution %s",
    async (resolution) => {
      const folder = join(user, resolution);
      mkdirSync(join(folder, "node_modules"), { recursive: true });
      symlinkSync(installed, join(folder, "node_modules/a2a-otel"), "junction");
      // Linked for the user's folder and for the package, which is a symbolic link.
      for (const name of ["@types", ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })]) link(name);
      const subpaths = Object.keys(manifest.exports).filter((subpath) => manifest.exports[subpath]?.endsWith(".js") === true);
      const lines = subpaths.map(
        (subpath, at) =>
          `import * as module${at} from "a2a-otel${subpath.slice(1)}";\nexport const names${at}: object = module${at};`,
      );
      writeFileSync(join(folder, "index.ts"), lines.join("\n"));
      writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
      const options = [
        "--ignoreConfig",
        "--strict",
        "--noEmit",
        "--target",
        "es2024",
        "--types",
        "node",
        "--moduleResolution",
        resolution,
      ];
      const module = ["--module", resolution === "nodenext" ? "nodenext" : "esnext"];
      const { stdout } = await run(`${project}node_modules/.bin/tsc`, [...options, ...module, "index.ts"], { cwd: folder }).catch(
        (error: { stdout: string }) => error,
      );
      expect(stdout).toBe("");
    },
    60_000,
  );
});

/** Links a package of this project into the user's project. */
function link(name: string): void {
  const target = join(user, "node_modules", name);
  mkdirSync(dirname(target), { recursive: true });
  try {
    symlinkSync(join(project, "node_modules", name), target, "junction");
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  }
}
