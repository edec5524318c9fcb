import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { App } from "./checks.ts";
import { run } from "./process.ts";

/** What a version of TypeScript cannot read of others, or cannot do. */
interface Limits {
  /** Packages whose own types it cannot read. */
  readonly unreadable?: readonly string[];
  /** Whether it lets a CommonJS module import an ES module, by `nodenext`. */
  readonly requires?: boolean;
}

const RESOLUTIONS = { node16: "node16", nodenext: "nodenext", bundler: "esnext" };

/** Every export of the package, as one version of TypeScript sees it. */
export function typescriptApp(version: string, { unreadable = [], requires = true }: Limits = {}): App {
  const app = `typescript-${version}`;
  return {
    name: app,
    folder: "typescript",
    verify: async (cwd, check, stage) => {
      const compiler = join(cwd, "node_modules", app, "bin/tsc");
      await check("no export is left out", () =>
        assert.deepEqual(
          exportsOf(cwd).filter((one) => !importsOf(cwd).has(one)),
          [],
        ),
      );
      await check("every export, by node16, nodenext and bundler", async () => {
        await compileAll(compiler, cwd, ".", unreadable);
        return unreadable.map((name) => `cannot read the types of ${name} itself`).join();
      });
      const bare = await stage("typescript-bare");
      await check("without the optional peers and without the DOM", () => compileAll(compiler, bare, "."));
      await check("for a web page, without @types/node", () => compileAll(compiler, bare, "web"));
      await check("imported from CommonJS", async () => {
        const byNode16 = codesOf(await compile(compiler, cwd, "cjs", "node16"), unreadable);
        assert.deepEqual(byNode16, ["TS1479", "TS1479"], "node16 lets no CommonJS module import an ES module");
        const byNodenext = codesOf(await compile(compiler, cwd, "cjs", "nodenext"), unreadable);
        assert.deepEqual(byNodenext, requires ? [] : ["TS1479", "TS1479"]);
        return requires ? "by nodenext" : "not by nodenext yet";
      });
    },
  };
}

async function compileAll(compiler: string, cwd: string, project: string, unreadable: readonly string[] = []): Promise<void> {
  const resolutions = Object.keys(RESOLUTIONS) as (keyof typeof RESOLUTIONS)[];
  const outputs = await Promise.all(resolutions.map((resolution) => compile(compiler, cwd, project, resolution)));
  const errors = outputs.flatMap((lines, index) => ours(lines, unreadable).map((line) => `${resolutions[index]}: ${line}`));
  assert.deepEqual(errors, []);
}

/** The errors that a compiler reports for a project, one line each. */
async function compile(compiler: string, cwd: string, project: string, resolution: keyof typeof RESOLUTIONS): Promise<string[]> {
  const args = ["--project", project, "--module", RESOLUTIONS[resolution], "--moduleResolution", resolution, "--pretty", "false"];
  const { code, stdout } = await run(process.execPath, [compiler, ...args], { cwd });
  const errors = stdout.split("\n").filter((line) => /error TS\d+:/.test(line));
  assert.equal(code === 0, errors.length === 0, stdout);
  return errors;
}

/** Errors but those in the types of packages that this version cannot read. */
function ours(errors: readonly string[], unreadable: readonly string[]): string[] {
  return errors.filter((line) => !unreadable.some((name) => line.includes(`node_modules/${name}/`)));
}

function codesOf(errors: readonly string[], unreadable: readonly string[]): string[] {
  return ours(errors, unreadable).map((line) => /TS\d+/.exec(line)?.[0] ?? line);
}

/** `subpath: name` of all that the package's declarations export. */
function exportsOf(cwd: string): string[] {
  const home = join(cwd, "node_modules/a2a-otel");
  const { exports } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as { exports: Record<string, string> };
  return Object.entries(exports).flatMap(([subpath, file]) => {
    const declarations = join(home, file.replace(/\.js$/, ".d.ts"));
    if (!file.endsWith(".js") || !existsSync(declarations)) return [];
    const text = readFileSync(declarations, "utf8");
    const declared = [...text.matchAll(/^export (?:declare )?(?:function|const|class|interface|type) (\w+)/gm)].map(
      ([, one = ""]) => one,
    );
    const listed = [...text.matchAll(/^export (?:type )?\{([^}]+)\}/gm)].flatMap(([, list = ""]) => namesIn(list, "exported"));
    return [...declared, ...listed].map((one) => `${join("a2a-otel", subpath)}: ${one}`);
  });
}

/** `subpath: name` of all that the app imports of the package. */
function importsOf(cwd: string): Set<string> {
  const sources = readdirSync(join(cwd, "src")).map((name) => readFileSync(join(cwd, "src", name), "utf8"));
  const statements = sources.flatMap((text) => [...text.matchAll(/^import (?:type )?\{([^}]+)\} from "(a2a-otel[^"]*)"/gm)]);
  return new Set(statements.flatMap(([, list = "", from = ""]) => namesIn(list, "imported").map((one) => `${from}: ${one}`)));
}

function namesIn(list: string, which: "exported" | "imported"): string[] {
  const items = list.split(",").map((item) => item.trim().replace(/^type /, ""));
  return items.filter((item) => item !== "").map((item) => item.split(" as ").at(which === "exported" ? -1 : 0) as string);
}
