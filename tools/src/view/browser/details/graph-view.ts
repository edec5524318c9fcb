import type { Calls } from "../../model/calls.ts";
import type { GraphEdge, GraphNode } from "../../model/graph.ts";
import type { TraceModel } from "../../model/model.ts";
import { el, section, setVariables, svg } from "../dom/elements.ts";
import { duration, many, whole } from "../dom/format.ts";
import { dataTable, serviceName } from "./tables.ts";

/** The call graph, as a drawing and as a table with the same content. */
export function graphSection({ graph, calls, agents }: TraceModel): HTMLElement {
  const title = "Call graph";
  const colourOf = new Map(agents.map(({ service, colour }) => [service, colour]));
  const rows = calls.map((call) => [
    serviceName(call.caller, colourOf.get(call.caller)),
    serviceName(call.outside ? `${call.callee} (outside)` : call.callee, call.outside ? undefined : colourOf.get(call.callee)),
    whole(call.calls),
    call.errors === 0 ? "0" : el("span", { class: "bad" }, `✕ ${whole(call.errors)}`),
    duration(call.total),
    duration(call.slowest),
  ]);
  const table = dataTable("Calls between agents", ["Caller", "Callee", "Calls", "Errors", "Total", "Slowest"], rows, {
    numbersFrom: 2,
  });
  const anyOutside = calls.some(({ outside }) => outside);
  return section(
    "graph",
    title,
    graph.tooMany
      ? el("p", { class: "muted" }, "The graph is too large to draw. The table lists all calls.")
      : el(
          "div",
          { class: "scroll drawing", tabindex: 0, role: "region", "aria-label": "Drawing of the call graph" },
          drawing(graph, colourOf, title),
        ),
    calls.length > 0 ? table : el("p", { class: "muted" }, "No agent calls another in this trace."),
    anyOutside &&
      el(
        "p",
        { class: "note" },
        "Callees marked as outside have no span in this trace: they are not traced, the trace context did not reach them, or their spans arrive later.",
      ),
  );
}

function drawing(
  { width, height, nodes, edges }: TraceModel["graph"],
  colourOf: ReadonlyMap<string, number>,
  title: string,
): SVGElement {
  const label = `${title}: ${many(nodes.length, "agent")}, ${many(edges.length, "connection")}. The table below has the same content.`;
  const made = svg(
    "svg",
    { role: "img", "aria-label": label, viewBox: `0 0 ${width} ${height}`, class: "graph" },
    svg("defs", {}, arrow("arrow", ""), arrow("arrow-failed", "failed")),
    ...edges.map((edge) =>
      svg("path", {
        d: edge.path,
        class: edgeKind(edge.calls),
        "marker-end": edge.calls.errors > 0 ? "url(#arrow-failed)" : "url(#arrow)",
      }),
    ),
    ...edges.map(edgeLabel),
    ...nodes.map((node) => nodeShape(node, colourOf.get(node.name))),
  );
  setVariables(made, { w: width });
  return made;
}

function arrow(id: string, kind: string): SVGElement {
  const shape = svg("path", { d: "M0 0L10 5L0 10Z", class: kind });
  return svg(
    "marker",
    { id, viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" },
    shape,
  );
}

function edgeKind({ errors, outside }: Calls): string {
  return `edge${errors > 0 ? " failed" : ""}${outside ? " outside" : ""}`;
}

function edgeLabel({ calls, x, y }: GraphEdge): SVGElement {
  const failed = calls.errors > 0;
  const count = failed ? `${many(calls.calls, "call")}, ✕ ${whole(calls.errors)}` : many(calls.calls, "call");
  return svg(
    "g",
    { class: failed ? "label failed" : "label", transform: `translate(${x} ${y})` },
    svg("title", {}, `${calls.caller} to ${calls.callee}`),
    svg("rect", { x: -3.7 * count.length, y: -18, width: 7.4 * count.length, height: 36 }),
    svg("text", { y: -4 }, count),
    svg("text", { y: 12, class: "muted" }, duration(calls.total)),
  );
}

/** The number of characters of a name that fit into a node. */
const MAX_NAME = 18;

function nodeShape({ name, outside, x, y, width, height, self }: GraphNode, colour: number | undefined): SVGElement {
  const shown = name.length > MAX_NAME ? `${name.slice(0, MAX_NAME - 1)}…` : name;
  const below = outside ? "outside" : self && `↻ ${many(self.calls, "call")} to itself`;
  return svg(
    "g",
    { class: outside ? "node outside" : `node c${colour ?? 0}`, transform: `translate(${x - width / 2} ${y - height / 2})` },
    svg("title", {}, name),
    svg("rect", { width, height, rx: 8 }),
    !outside && svg("rect", { width: 6, height: height - 16, x: 8, y: 8, rx: 3, class: "stripe" }),
    svg("text", { x: width / 2 + 4, y: below === undefined ? height / 2 + 5 : height / 2 - 3 }, shown),
    below !== undefined && svg("text", { x: width / 2 + 4, y: height / 2 + 15, class: "muted" }, below),
  );
}
