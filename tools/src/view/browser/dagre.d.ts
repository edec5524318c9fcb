// The part of @dagrejs/dagre that the page uses. The package's own declarations cannot be resolved: their imports have no file extensions.

interface Place {
  readonly x: number;
  readonly y: number;
}

interface Edge extends Place {
  readonly points: readonly Place[];
}

interface Graph {
  setGraph(options: Readonly<Record<string, string | number>>): void;
  setNode(name: string, size: Readonly<Record<string, number>>): void;
  setEdge(from: string, to: string, label: Readonly<Record<string, string | number>>, name: string): void;
  graph(): { readonly width: number; readonly height: number };
  node(name: string): Place;
  edge(from: string, to: string, name: string): Edge;
}

export const graphlib: { readonly Graph: new (options: { readonly multigraph: boolean }) => Graph };
export function layout(graph: Graph): void;
