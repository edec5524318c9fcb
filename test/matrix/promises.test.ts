import { globSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
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

describe("what is promised is what is tried", () => {
  test.each(Object.entries(peerDependencies))("%s %s: from its oldest release on, in every set", (name, range) => {
    const [lowest] = range.match(/\d+\.\d+\.\d+/) ?? [];
    expect(pinned("oldest", name)).toBe(lowest);
    const majors = new Set([...range.matchAll(/\^(\d+)/g)].map(([, major]) => major));
    for (const set of PEERS) expect(majors, set).toContain(pinned(set, name)?.split(".")[0]);
    const tried = PEERS.map((set) => pinned(set, name)?.split(".")[0]);
    expect(tried, "some major is in no set").toEqual(expect.arrayContaining([...majors]));
  });

  test("every version is in docs/support.md", () => {
    const page = read("docs/support.md");
    for (const name of [...Object.keys(peerDependencies), "@opentelemetry/core"]) {
      expect(page).toContain(`| ${[name, ...PEERS.map((set) => pinned(set, name))].join(" | ")} |`);
    }
    for (const { name, promised } of NODES)
      expect(page.includes(`\n| ${name}`) || page.includes(`from ${name} |`), name).toBe(promised);
  });

  test("the oldest Node that may install the package is one of them", () => {
    expect(NODES.filter(({ promised }) => promised).map(({ name }) => `>=${name}`)).toContain(engines.node);
  });
});

test("installations are the same everywhere: exact versions, and locks without the name of a registry", () => {
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

describe("the cells that are asked for", () => {
  const names = (...args: Parameters<typeof chosenCells>): string[] =>
    chosenCells(...args).map(({ node, peers }) => `${node.name}/${peers}`);

  test("are all that can be loaded, unless lines, sets or single ones are named", () => {
    const all = names([], [], []);
    expect(all).toContain("22/newest");
    expect(all).not.toContain("22.12/newest");
    expect(names([], ["22", "24"], ["oldest"])).toEqual(["22/oldest", "24/oldest"]);
    expect(names(["24/oldest", "22/newest"], [], [])).toEqual(["24/oldest", "22/newest"]);
  });

  test.each([
    [[], ["23"], [], 'there is no Node "23"'],
    [[], [], ["old"], 'there are no peers "old"'],
    [["22"], [], [], 'there are no peers ""'],
    [["22/newest"], ["24"], [], "either single cells"],
  ])("are refused where there is none such: %j %j %j", (single, lines, peers, message) => {
    expect(() => chosenCells(single, lines, peers)).toThrow(message);
  });
});
