/** A line of Node.js: the folder in `nodes` that brings it. */
export interface NodeLine {
  readonly name: string;
  /** Whether docs/support.md promises it. Other lines are tried too, but do not fail the command. */
  readonly promised: boolean;
  /** Whether vitest runs on it; if not, only the smoke test runs. */
  readonly runsVitest: boolean;
  /** The peers that cannot be loaded on it, and why. */
  readonly without?: Readonly<Record<string, string>>;
}

export const NODES: readonly NodeLine[] = [
  // The oldest that `engines` admits.
  {
    name: "22.12",
    promised: true,
    runsVitest: true,
    without: { newest: "undici 8 needs Node 22.19, OpenTelemetry's SDK 3 needs 22.15" },
  },
  { name: "22", promised: true, runsVitest: true },
  { name: "24", promised: true, runsVitest: true },
  { name: "26", promised: true, runsVitest: true },
  { name: "20", promised: false, runsVitest: false },
];

/** The sets of clients, frameworks and OpenTelemetry packages: the folders in `peers`. */
export const PEERS: readonly string[] = ["oldest", "middle", "newest"];

/** One combination of Node and peers. */
export interface Cell {
  readonly node: NodeLine;
  readonly peers: string;
}

/**
 * The chosen cells: single ones (`22/newest`), else all of the given lines and peers; by default all that can be loaded.
 *
 * @throws Error for an unknown line, set or cell.
 */
export function chosenCells(single: readonly string[], lines: readonly string[], peers: readonly string[]): Cell[] {
  if (single.length > 0) {
    if (lines.length + peers.length > 0) throw new Error("give either single cells, or --node and --peers");
    return single.map((cell) => {
      const [line = "", set = ""] = cell.split("/");
      return { node: lineOf(line), peers: setOf(set) };
    });
  }
  const nodes = lines.length === 0 ? NODES : lines.map(lineOf);
  const sets = peers.length === 0 ? PEERS : peers.map(setOf);
  return nodes
    .flatMap((node) => sets.map((set) => ({ node, peers: set })))
    .filter((cell) => cell.node.without?.[cell.peers] === undefined);
}

function lineOf(name: string): NodeLine {
  const line = NODES.find((node) => node.name === name);
  if (line === undefined) throw new Error(`there is no Node "${name}" here, only ${NODES.map((node) => node.name).join(", ")}`);
  return line;
}

function setOf(name: string): string {
  if (!PEERS.includes(name)) throw new Error(`there are no peers "${name}" here, only ${PEERS.join(", ")}`);
  return name;
}
