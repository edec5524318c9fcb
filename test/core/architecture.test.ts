import { globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../src", import.meta.url));

interface Import {
  readonly file: string;
  /** The module's name; a file of ours as a path below `src`. */
  readonly from: string;
  readonly isType: boolean;
}

const STATEMENT = /^(?:import|export)(?<type>\s+type)?\s+(?:[^;"'`]*?\sfrom\s+)?"(?<from>[^"]+)"/gm;
const EXPRESSION = /\b(?:import|require|getBuiltinModule)\(\s*"(?<from>[^"]+)"/g;

function importsOf(file: string): Import[] {
  const code = readFileSync(join(root, file), "utf8");
  return [...code.matchAll(STATEMENT), ...code.matchAll(EXPRESSION)].map(({ groups = {} }) => {
    const from = groups["from"] ?? "";
    const isOwn = from.startsWith(".");
    return { file, from: isOwn ? posix.join(posix.dirname(file), from) : from, isType: groups["type"] !== undefined };
  });
}

const files = globSync("**/*.ts", { cwd: root }).map((file) => file.replaceAll("\\", "/"));
const imports = files.flatMap(importsOf);
const isOwn = ({ from }: Import): boolean => files.includes(from);
const shown = (found: Import[]): string[] => found.map(({ file, from }) => `${file} imports ${from}`);

/** `core`, the name of an adapter (`clients/fetch/exchange.ts` is a part of `fetch`), `server`, or the file's own name. */
function roomOf(file: string): string {
  return /^(?:core|server|a2a)(?=\/)|^[a-z0-9]+/.exec(file)?.[0] ?? file;
}
const ADAPTERS = new Set(["fetch", "undici", "axios", "got", "server"]);

describe("the rooms", () => {
  test("all files and their imports are seen", () => {
    expect(files).toEqual(expect.arrayContaining(["index.ts", "core/calls/client-call.ts", "server/node.ts", "fetch.ts"]));
    expect(shown(importsOf("server/node.ts"))).toEqual(
      expect.arrayContaining(["server/node.ts imports node:http", "server/node.ts imports core/calls/server-call.ts"]),
    );
    expect(shown(importsOf("index.ts"))).toContain("index.ts imports propagation.ts");
    const missing = imports.filter((one) => one.from.endsWith(".ts") && !isOwn(one));
    expect(shown(missing)).toEqual([]);
  });

  test("core imports OpenTelemetry and itself alone", () => {
    const others = imports
      .filter(({ file }) => roomOf(file) === "core")
      .filter(({ from }) => !/^(?:@opentelemetry\/|core\/)/.test(from));
    // On Node fetch is followed by its diagnostics channels, which are asked for and not imported.
    const asked = new Set(["node:diagnostics_channel", "node:stream"]);
    expect(shown(others.filter(({ from }) => !asked.has(from)))).toEqual([]);
    const statements = others.filter(({ file, from }) => readFileSync(join(root, file), "utf8").includes(`from "${from}"`));
    expect(shown(statements)).toEqual([]);
  });

  test("adapters never import each other", () => {
    const crossing = imports.filter(isOwn).filter(({ file, from }) => {
      const [room, other] = [roomOf(file), roomOf(from)];
      return room !== other && ADAPTERS.has(room) && other !== "core";
    });
    expect(shown(crossing)).toEqual([]);
  });

  test("the servers' adapters share what is neither's, and do not import each other", () => {
    const servers = new Set(["server/node.ts", "server/express.ts", "server/fastify.ts", "server/web.ts"]);
    expect(shown(imports.filter(({ file, from }) => servers.has(from) && roomOf(file) !== "doctor"))).toEqual([]);
  });

  test("clients and frameworks are imported as types; axios alone at run time, in its own adapter", () => {
    const others = imports.filter((one) => !isOwn(one) && !/^(?:@opentelemetry\/|node:)/.test(one.from));
    const atRunTime = others.filter(({ isType }) => !isType);
    expect(shown(atRunTime.filter(({ file, from }) => !(from === "axios" && roomOf(file) === "axios")))).toEqual([]);
  });

  test("what runs on every platform imports no node: module at run time", () => {
    // undici and got exist on Node alone; axios is followed into node:http there.
    const nodeOnly = new Set(["undici", "got", "axios", "cli", "doctor", "view"]);
    const found = imports.filter(({ file, from, isType }) => !isType && from.startsWith("node:") && !nodeOnly.has(roomOf(file)));
    const statements = found.filter(({ file, from }) => readFileSync(join(root, file), "utf8").includes(`from "${from}"`));
    expect(shown(statements)).toEqual([]);
  });

  test("packages that are imported are dependencies or peers", () => {
    const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, "../package.json"), "utf8")) as Record<
      string,
      object
    >;
    const declared = Object.keys({ ...dependencies, ...peerDependencies });
    const packages = imports.filter((one) => !isOwn(one) && !one.from.startsWith("node:"));
    const used = new Set(packages.map(({ from }) => from.split("/", from.startsWith("@") ? 2 : 1).join("/")));
    expect([...used].filter((name) => !declared.includes(name))).toEqual([]);
  });
});
