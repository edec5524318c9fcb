import type { Calls } from "./calls.ts";
import { layersOf } from "./graph-layers.ts";
import type { Place, Route } from "./graph-layers.ts";

export interface GraphNode {
  readonly name: string;
  /** It has no span in this trace. */
  readonly outside: boolean;
  /** The centre. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Calls to itself. */
  readonly self: Calls | undefined;
}

export interface GraphEdge {
  readonly calls: Calls;
  /** An SVG path from the caller to the callee. */
  readonly path: string;
  /** The centre of the label. */
  readonly x: number;
  readonly y: number;
}

/** The call graph, laid out from left to right. */
export interface Graph {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** The graph has too many nodes or edges to draw. */
  readonly tooMany: boolean;
}

/** Beyond these numbers, the table is more useful than a drawing. */
const MAX_NODES = 40;
const MAX_EDGES = 120;

const NODE = { width: 176, height: 52 } as const;
const LABEL = { width: 124, height: 40 } as const;
const WAYPOINT = { height: 20 } as const;
const GAP = 16;
const MARGIN = 12;

/** Lays out the services, in the order of their first span, and the callees outside of the trace. */
export function layOutGraph(services: readonly string[], calls: readonly Calls[]): Graph {
  const outside = [...new Set(calls.filter((call) => call.outside).map(({ callee }) => callee))];
  const edges = calls.filter((call) => call.outside || call.caller !== call.callee);
  if (services.length + outside.length > MAX_NODES || edges.length > MAX_EDGES) {
    return { width: 0, height: 0, nodes: [], edges: [], tooMany: true };
  }
  const names = [...services.map((name) => ({ name, outside: false })), ...outside.map((name) => ({ name, outside: true }))];
  const indexOf = (name: string, isOutside: boolean): number =>
    names.findIndex((node) => node.name === name && node.outside === isOutside);
  const ends = edges.map(({ caller, callee, outside: leaves }): [number, number] => [
    indexOf(caller, false),
    indexOf(callee, leaves),
  ]);
  const { layers, routes } = layersOf(names.length, ends);
  place(layers);
  const height = layers.flat().reduce((lowest, { y, height: own }) => Math.max(lowest, y + own / 2), 0) + MARGIN;
  const columns = layers.length;
  const x = (layer: number): number => MARGIN + NODE.width / 2 + layer * ((NODE.width + LABEL.width) / 2 + GAP);
  const nodePlaces = layers.flat().filter((item) => item.node !== undefined);
  const at = names.map((_, index) => nodePlaces.find((item) => item.node === index) as Place);
  return {
    width: columns === 0 ? 0 : x(columns - 1) + NODE.width / 2 + MARGIN,
    height,
    nodes: names.map((node, index) => {
      const self = node.outside
        ? undefined
        : calls.find((call) => !call.outside && call.caller === node.name && call.callee === node.name);
      const { layer, y } = at[index] as Place;
      return { name: node.name, outside: node.outside, x: x(layer), y, width: NODE.width, height: NODE.height, self };
    }),
    edges: edges.map((call, index) => {
      const route = routes[index] as Route;
      return { calls: call, path: curve(route, routes, x), x: x(route.label.layer), y: route.label.y };
    }),
    tooMany: false,
  };
}

/** Places each item vertically: near the items that it is connected with, without overlapping its neighbours. */
function place(layers: readonly Place[][]): void {
  for (const item of layers.flat()) {
    item.height = item.node !== undefined ? NODE.height : item.label ? LABEL.height : WAYPOINT.height;
  }
  for (const layer of layers) stack(layer, (_, index) => index);
  for (let pass = 0; pass < 8; pass++) {
    for (const layer of pass % 2 === 0 ? layers : layers.toReversed()) {
      stack(layer, (item) => mean(item.neighbours.map(({ y }) => y)) ?? item.y);
    }
  }
  const top = layers.flat().reduce((highest, { y, height }) => Math.min(highest, y - height / 2), Infinity);
  for (const item of layers.flat()) item.y += MARGIN - top;
}

function stack(layer: readonly Place[], target: (item: Place, index: number) => number): void {
  const targets = layer.map(target);
  let floor = -Infinity;
  for (const [index, item] of layer.entries()) {
    item.y = Math.max(targets[index] ?? 0, floor + item.height / 2);
    floor = item.y + item.height / 2 + GAP;
  }
  // Items may only have been moved down, so the whole layer is moved up by the mean displacement.
  const excess = mean(layer.map((item, index) => item.y - (targets[index] ?? 0))) ?? 0;
  for (const item of layer) item.y -= excess;
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function curve(route: Route, routes: readonly Route[], x: (layer: number) => number): string {
  const left = route.places[0] as Place;
  const right = route.places.at(-1) as Place;
  const points = route.places.map(({ layer, y }) => [x(layer), y] as [number, number]);
  points[0] = [x(left.layer) + NODE.width / 2, port(left, route, routes, 0)];
  points[points.length - 1] = [x(right.layer) - NODE.width / 2, port(right, route, routes, -1)];
  const ordered = route.backwards ? points.toReversed() : points;
  const [[startX, startY], ...rest] = ordered as [[number, number], ...[number, number][]];
  let [fromX, fromY] = [startX, startY];
  let path = `M${round(fromX)} ${round(fromY)}`;
  for (const [toX, toY] of rest) {
    const middle = (fromX + toX) / 2;
    path += `C${round(middle)} ${round(fromY)} ${round(middle)} ${round(toY)} ${round(toX)} ${round(toY)}`;
    [fromX, fromY] = [toX, toY];
  }
  return path;
}

/** The vertical position at which a route leaves a node. The routes on one side are spread in the order of their targets. */
function port(node: Place, route: Route, routes: readonly Route[], end: 0 | -1): number {
  const beside = routes.filter(({ places }) => places.at(end) === node);
  const inOrder = beside.toSorted((a, b) => (a.places.at(end === 0 ? 1 : -2)?.y ?? 0) - (b.places.at(end === 0 ? 1 : -2)?.y ?? 0));
  const spread = Math.min(12, (NODE.height - 8) / beside.length);
  return node.y + (inOrder.indexOf(route) - (beside.length - 1) / 2) * spread;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
