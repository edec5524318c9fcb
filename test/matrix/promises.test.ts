import { globSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { NODES, PEERS, chosenCells } from "./cells.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (file: string): string => readFileSync(root + file, "utf8");

interface Manifest {
  readonly engines: { readonly node: string };
  readonly peerDependencies: Record<string, string>;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

const manifestOf = (folder: string): Manifest => JSON.parse(read(`${folder}package.json`)) as Manifest;
const { engines, peerDependencies } = manifestOf("");

/** The version of a package in a set of peers; that of an alias of its own, where another peer asks for a newer one. */
function pinned(set: string, name: string): string | undefined {
  const { dependencies = {} } = manifestOf(`test/matrix/peers/${set}/`);
  const version = dependencies[`${name}-${set}`] ?? dependencies[name];
  return version?.replace(/^npm:.*@/, "");
}

describe("the sets of peers and lines of Node", () => {
  it.each(Object.entries(peerDependencies))("cover the range of %s, %s", (name, range) => {
    const [lowest] = range.match(/\d+\.\d+\.\d+/) ?? [];
    expect(pinned("oldest", name)).toBe(lowest);
    const majors = new Set([...range.matchAll(/\^(\d+)/g)].map(([, major]) => major));
    for (const set of PEERS) expect(majors, set).toContain(pinned(set, name)?.split(".")[0]);
    const tried = PEERS.map((set) => pinned(set, name)?.split(".")[0]);
    expect(tried, "some major is in no set").toEqual(expect.arrayContaining([...majors]));
  });

  it("are listed in docs/support.md", () => {
    const page = read("docs/support.md");
    for (const name of [...Object.keys(peerDependencies), "@opentelemetry/core"]) {
      expect(page).toContain(`| ${[name, ...PEERS.map((set) => pinned(set, name))].join(" | ")} |`);
    }
    for (const { name, promised } of NODES)
      expect(page.includes(`\n| ${name}`) || page.includes(`from ${name} |`), name).toBe(promised);
  });

  it("include the oldest Node that engines admits", () => {
    expect(NODES.filter(({ promised }) => promised).map(({ name }) => `>=${name}`)).toContain(engines.node);
  });
});

it("pins exact versions, in lock files without the address of a registry", () => {
  const folders = globSync("test/matrix/{peers,nodes}/*/package.json", { cwd: root }).map((file) => `${dirname(file)}/`);
  expect(folders).toHaveLength(NODES.length + PEERS.length);
  for (const folder of folders) {
    const { dependencies, optionalDependencies } = manifestOf(folder);
    for (const version of Object.values({ ...dependencies, ...optionalDependencies })) {
      expect(version).toMatch(/^(?:npm:[\w-]+@)?\d+\.\d+\.\d+$/);
    }
    expect(read(`${folder}package-lock.json`)).not.toMatch(/"resolved": "https?:/);
  }
});

describe("chosenCells()", () => {
  const names = (...args: Parameters<typeof chosenCells>): string[] =>
    chosenCells(...args).map(({ node, peers }) => `${node.name}/${peers}`);

  it("returns all cells that can be loaded, or the named lines, sets or cells", () => {
    const all = names([], [], []);
    expect(all).toContain("22/newest");
    expect(all).not.toContain("22.12/newest");
    expect(names([], ["22", "24"], ["oldest"])).toEqual(["22/oldest", "24/oldest"]);
    expect(names(["24/oldest", "22/newest"], [], [])).toEqual(["24/oldest", "22/newest"]);
  });

  it.each([
    [[], ["23"], [], 'there is no Node "23"'],
    [[], [], ["old"], 'there are no peers "old"'],
    [["22"], [], [], 'there are no peers ""'],
    [["22/newest"], ["24"], [], "either single cells"],
  ])("rejects an unknown line, set or cell: %j %j %j", (single, lines, peers, message) => {
    expect(() => chosenCells(single, lines, peers)).toThrow(message);
  });
});
