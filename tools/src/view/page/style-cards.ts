/** Tables, the graph, the list of traces. */
export const CARDS = `
.cards{display:grid;grid-template-columns:minmax(0,11fr) minmax(0,9fr);gap:18px;margin-top:26px}
.cards>section{background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:16px}
#graph{grid-column:1/-1}
.scroll{overflow-x:auto;border-radius:4px}
.data{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
.data th,.data td{padding:6px 10px 6px 0;text-align:left;vertical-align:middle;border-bottom:1px solid var(--line)}
.data tr>:last-child{padding-right:0}
.data thead th{color:var(--muted);font-size:.78125rem;font-weight:400;vertical-align:bottom}
.data tbody th{font-weight:500}
.data .number{text-align:right}
.data tbody td,.data tfoot td{white-space:nowrap}
.data tbody tr:last-child>*{border-bottom:0}
.data tfoot>tr>*{border-top:2px solid var(--line);border-bottom:0;font-weight:650}
.sub{padding-left:17px;color:var(--muted);font-weight:400}
.agent{display:inline-flex;align-items:center;gap:7px;max-width:210px;vertical-align:bottom}
#graph .agent,.list .agent{max-width:340px}
.agent.outside .swatch{box-shadow:inset 0 0 0 1.5px var(--muted)}
.agent-bar{display:block;min-width:130px}
.shares{display:flex;height:8px;margin-top:3px;forced-color-adjust:none}
.shares>span{flex:none;height:100%;min-width:0}
.shares .own{position:static;width:calc(var(--own)*100%);background:var(--c);border-radius:2px 0 0 2px}
.shares .callees{width:calc(var(--callees)*100%);background:color-mix(in srgb,var(--c) 26%,transparent);box-shadow:inset 0 0 0 1px var(--c);border-radius:0 2px 2px 0}

.drawing{margin-bottom:14px;text-align:center}
.graph{width:clamp(var(--w)*.72px,100%,var(--w)*1px);height:auto}
.graph text{fill:var(--text);font-size:.8125rem;text-anchor:middle}
.graph text.muted{fill:var(--muted);font-size:.71875rem}
.node rect{fill:var(--background);stroke:var(--c,var(--control));stroke-width:1.5}
.node.outside rect{stroke:var(--control);stroke-dasharray:5 4}
.node .stripe{fill:var(--c);stroke:none}
.node text:first-of-type{font-weight:600}
.edge{fill:none;stroke:var(--control);stroke-width:1.5}
.edge.outside{stroke-dasharray:5 4}
.edge.failed{stroke:var(--error)}
marker path{fill:var(--control)}
marker path.failed{fill:var(--error)}
.label rect{fill:var(--surface)}
.label text{font-size:.78125rem}
.label.failed text:first-of-type{fill:var(--error);font-weight:600}

.list h1{margin:4px 0 14px}
.list .scroll{background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:6px 16px}
.trace-name{display:inline-flex;flex-direction:column;min-width:150px;overflow-wrap:anywhere}
.agents{display:flex;flex-wrap:wrap;gap:2px 12px;min-width:200px}
.list time{white-space:nowrap}
@media (max-width:1180px){.cards{grid-template-columns:minmax(0,1fr)}}
@media (max-width:640px){.cards>section{padding:12px}}
`;
