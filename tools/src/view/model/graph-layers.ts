/** An item of a layer: a node, a label, or a point through which an edge runs. */
export interface Place {
  /** Even layers contain nodes, odd layers the labels between them. */
  readonly layer: number;
  readonly node: number | undefined;
  label: boolean;
  /** The middle. */
  y: number;
  height: number;
  readonly neighbours: Place[];
}

/** The path of an edge from left to right. */
export interface Route {
  /** From one node to the other. */
  readonly places: readonly Place[];
  readonly label: Place;
  /** The caller is on the right, because the edge closes a cycle. */
  readonly backwards: boolean;
}

type Edge = readonly [number, number];

/**
 * Arranges the nodes in layers, each to the right of its predecessors. Each edge has a place in each layer that it crosses, so that nothing
 * overlaps (the method of Sugiyama, Tagawa and Toda). Edges that close a cycle run backwards.
 */
export function layersOf(count: number, edges: readonly Edge[]): { layers: Place[][]; routes: Route[] } {
  const backwards = closingEdges(count, edges);
  const forward = edges.map(([from, to], index): Edge => (backwards.has(index) ? [to, from] : [from, to]));
  const ranks = ranksOf(count, forward);
  const layers: Place[][] = Array.from({ length: 2 * Math.max(-1, ...ranks) + 1 }, () => []);
  const put = (layer: number, node?: number): Place => {
    const place: Place = { layer, node, label: false, y: 0, height: 0, neighbours: [] };
    layers[layer]?.push(place);
    return place;
  };
  const nodes = ranks.map((rank, node) => put(2 * rank, node));
  const routes = forward.map(([from, to], index): Route => {
    const [first, last] = [nodes[from] as Place, nodes[to] as Place];
    const between = Array.from({ length: last.layer - first.layer - 1 }, (_, offset) => put(first.layer + 1 + offset));
    const places = [first, ...between, last];
    for (const [at, place] of places.entries()) {
      const next = places[at + 1];
      if (next === undefined) continue;
      place.neighbours.push(next);
      next.neighbours.push(place);
    }
    // Of the layers that a route crosses, the first and then every second one are for labels.
    const label = between[2 * Math.floor(between.length / 4)] as Place;
    label.label = true;
    return { places, label, backwards: backwards.has(index) };
  });
  for (let sweep = 0; sweep < 8; sweep++) reduceCrossings(sweep % 2 === 0 ? layers : layers.toReversed());
  return { layers, routes };
}

/** The edges that close a cycle in a depth-first search. */
function closingEdges(count: number, edges: readonly Edge[]): Set<number> {
  const closing = new Set<number>();
  const state = new Map<number, "open" | "done">();
  const visit = (node: number): void => {
    state.set(node, "open");
    for (const [index, [from, to]] of edges.entries()) {
      if (from !== node) continue;
      if (state.get(to) === "open") closing.add(index);
      else if (!state.has(to)) visit(to);
    }
    state.set(node, "done");
  };
  for (let node = 0; node < count; node++) if (!state.has(node)) visit(node);
  return closing;
}

/** The length of the longest path to each node. */
function ranksOf(count: number, edges: readonly Edge[]): number[] {
  const ranks: (number | undefined)[] = Array.from({ length: count });
  const rank = (node: number): number => {
    const known = ranks[node];
    if (known !== undefined) return known;
    const before = edges.filter(([, to]) => to === node).map(([from]) => rank(from) + 1);
    return (ranks[node] = Math.max(0, ...before));
  };
  return Array.from({ length: count }, (_, node) => rank(node));
}

/** Orders each layer by the mean position of the connected items in the previous layer. */
function reduceCrossings(layers: readonly Place[][]): void {
  for (const [index, layer] of layers.entries()) {
    const before = layers[index - 1];
    if (before === undefined) continue;
    const position = new Map(before.map((place, at) => [place, at]));
    const targets = new Map(
      layer.map((place, at) => {
        const found = place.neighbours.map((other) => position.get(other)).filter((other) => other !== undefined);
        return [place, found.length === 0 ? at : found.reduce((sum, other) => sum + other, 0) / found.length];
      }),
    );
    layer.sort((a, b) => (targets.get(a) ?? 0) - (targets.get(b) ?? 0));
  }
}
