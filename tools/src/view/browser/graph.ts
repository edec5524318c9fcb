import { graphlib, layout } from "@dagrejs/dagre";
import type { Calls } from "../model/calls.ts";

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

/** Lays out the services, in the order of their first span, and the callees outside of the trace. */
export function layOutGraph(services: readonly string[], calls: readonly Calls[]): Graph {
  const outside = new Set(calls.filter((call) => call.outside).map(({ callee }) => callee));
  const names = [...services.map((name) => ({ name, outside: false })), ...[...outside].map((name) => ({ name, outside: true }))];
  const edges = calls.filter((call) => call.outside || call.caller !== call.callee);
  const tooMany = names.length > MAX_NODES || edges.length > MAX_EDGES;
  if (tooMany || names.length === 0) return { width: 0, height: 0, nodes: [], edges: [], tooMany };

  const graph = new graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: 16, edgesep: 16, ranksep: 32, marginx: 12, marginy: 12 });
  for (const node of names) graph.setNode(keyOf(node.name, node.outside), { ...NODE });
  for (const [index, { caller, callee, outside: leaves }] of edges.entries())
    graph.setEdge(keyOf(caller, false), keyOf(callee, leaves), { ...LABEL, labelpos: "c" }, String(index));
  layout(graph);

  const { width, height } = graph.graph();
  const nodes = names.map(({ name, outside: isOutside }): GraphNode => {
    const { x, y } = graph.node(keyOf(name, isOutside));
    const self = isOutside ? undefined : calls.find((call) => !call.outside && call.caller === name && call.callee === name);
    return { name, outside: isOutside, x, y, width: NODE.width, height: NODE.height, self };
  });
  const drawn = edges.map((call, index): GraphEdge => {
    const edge = graph.edge(keyOf(call.caller, false), keyOf(call.callee, call.outside), String(index));
    return { calls: call, path: curve(edge.points), x: edge.x, y: edge.y };
  });
  return { width, height, nodes, edges: drawn, tooMany };
}

/** A service may be called outside of the trace too, where it is another node. */
function keyOf(name: string, outside: boolean): string {
  return `${outside ? "outside" : "inside"} ${name}`;
}

function curve(points: readonly { readonly x: number; readonly y: number }[]): string {
  const round = (value: number): number => Math.round(value * 10) / 10;
  return points
    .map(({ x, y }, index) => {
      const before = points[index - 1];
      if (before === undefined) return `M${round(x)} ${round(y)}`;
      const middle = round((before.x + x) / 2);
      return `C${middle} ${round(before.y)} ${middle} ${round(y)} ${round(x)} ${round(y)}`;
    })
    .join("");
}
