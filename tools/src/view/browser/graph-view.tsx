import type { VNode } from "preact";
import type { Calls } from "../model/calls.ts";
import { duration, many, whole } from "../model/format.ts";
import type { TraceModel } from "../model/model.ts";
import { DataTable, ErrorCount, Section, ServiceName } from "./elements.tsx";
import { layOutGraph } from "./graph.ts";
import type { Graph, GraphEdge, GraphNode } from "./graph.ts";

type Colours = ReadonlyMap<string, number>;

/** The call graph, as a drawing and as a table with the same content. */
export function GraphSection({ model: { calls, agents } }: { model: TraceModel }): VNode {
  const colours = new Map(agents.map(({ service, colour }) => [service, colour]));
  const graph = layOutGraph([...colours.keys()], calls);
  const rows = calls.map((call) => [
    <ServiceName service={call.caller} colour={colours.get(call.caller)} />,
    <ServiceName
      service={call.outside ? `${call.callee} (outside)` : call.callee}
      colour={call.outside ? undefined : colours.get(call.callee)}
    />,
    whole(call.calls),
    <ErrorCount count={call.errors} />,
    duration(call.total),
    duration(call.slowest),
  ]);
  const columns = ["Caller", "Callee", "Calls", "Errors", "Total", "Slowest"];
  return (
    <Section id="graph" title="Call graph">
      {graph.tooMany ? (
        <p class="muted">The graph is too large to draw. The table lists all calls.</p>
      ) : (
        <div class="scroll drawing" tabIndex={0} role="region" aria-label="Drawing of the call graph">
          <Drawing graph={graph} colours={colours} />
        </div>
      )}
      {calls.length > 0 ? (
        <DataTable caption="Calls between agents" columns={columns} rows={rows} numbersFrom={2} />
      ) : (
        <p class="muted">No agent calls another in this trace.</p>
      )}
      {calls.some(({ outside }) => outside) && (
        <p class="note">
          Callees marked as outside have no span in this trace: they are not traced, the trace context did not reach them, or their
          spans arrive later.
        </p>
      )}
    </Section>
  );
}

function Drawing({ graph: { width, height, nodes, edges }, colours }: { graph: Graph; colours: Colours }): VNode {
  const content = `${many(nodes.length, "agent")}, ${many(edges.length, "connection")}`;
  return (
    <svg
      role="img"
      aria-label={`Call graph: ${content}. The table below has the same content.`}
      viewBox={`0 0 ${width} ${height}`}
      class="graph"
      style={{ "--w": width }}
    >
      <defs>
        <Arrow id="arrow" />
        <Arrow id="arrow-failed" class="failed" />
      </defs>
      {edges.map(({ calls, path }) => (
        <path d={path} class={edgeKind(calls)} marker-end={calls.errors > 0 ? "url(#arrow-failed)" : "url(#arrow)"} />
      ))}
      {edges.map((edge) => (
        <EdgeLabel edge={edge} />
      ))}
      {nodes.map((node) => (
        <NodeShape node={node} colour={colours.get(node.name) ?? 0} />
      ))}
    </svg>
  );
}

function Arrow({ id, class: kind }: { id: string; class?: string }): VNode {
  return (
    <marker id={id} viewBox="0 0 10 10" refX={9} refY={5} markerWidth={7} markerHeight={7} orient="auto-start-reverse">
      <path d="M0 0L10 5L0 10Z" class={kind} />
    </marker>
  );
}

function edgeKind({ errors, outside }: Calls): string {
  return `edge${errors > 0 ? " failed" : ""}${outside ? " outside" : ""}`;
}

function EdgeLabel({ edge: { calls, x, y } }: { edge: GraphEdge }): VNode {
  const failed = calls.errors > 0;
  const count = many(calls.calls, "call") + (failed ? `, ✕ ${whole(calls.errors)}` : "");
  return (
    <g class={failed ? "label failed" : "label"} transform={`translate(${x} ${y})`}>
      <title>{`${calls.caller} to ${calls.callee}`}</title>
      <rect x={-3.7 * count.length} y={-18} width={7.4 * count.length} height={36} />
      <text y={-4}>{count}</text>
      <text y={12} class="muted">
        {duration(calls.total)}
      </text>
    </g>
  );
}

/** The number of characters of a name that fit into a node. */
const MAX_NAME = 18;

function NodeShape({ node: { name, outside, x, y, width, height, self }, colour }: { node: GraphNode; colour: number }): VNode {
  const shown = name.length > MAX_NAME ? `${name.slice(0, MAX_NAME - 1)}…` : name;
  const below = outside ? "outside" : self && `↻ ${many(self.calls, "call")} to itself`;
  return (
    <g class={outside ? "node outside" : `node c${colour}`} transform={`translate(${x - width / 2} ${y - height / 2})`}>
      <title>{name}</title>
      <rect width={width} height={height} rx={8} />
      {!outside && <rect width={6} height={height - 16} x={8} y={8} rx={3} class="stripe" />}
      <text x={width / 2 + 4} y={below === undefined ? height / 2 + 5 : height / 2 - 3}>
        {shown}
      </text>
      {below !== undefined && (
        <text x={width / 2 + 4} y={height / 2 + 15} class="muted">
          {below}
        </text>
      )}
    </g>
  );
}
