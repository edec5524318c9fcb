/** The rows of the waterfall, the time axis, the details. */
export const WATERFALL = `
.split{display:grid;grid-template-columns:minmax(0,1fr);gap:14px;align-items:start}
.toolbar{display:flex;flex-wrap:wrap;align-items:center;gap:8px 18px;margin-bottom:10px}
.search{flex:1 1 260px;max-width:560px;display:flex;align-items:center;gap:10px}
.result{color:var(--muted);white-space:nowrap}
.result:empty{display:none}
.legend{display:flex;flex-wrap:wrap;gap:6px;margin-bottom:10px;max-height:112px;overflow:auto}
.chip{display:inline-flex;align-items:center;gap:7px;border-radius:15px;padding:2px 11px;max-width:320px}
.chip .label,.agent .label{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.chip .muted{font-size:.78125rem;white-space:nowrap}
.chip[aria-pressed=false]{border-style:dashed;background:none}
.chip[aria-pressed=false] .label{text-decoration:line-through}
.chip[aria-pressed=false] .swatch{background:none;box-shadow:inset 0 0 0 2px var(--c)}

.overview{position:relative;height:56px;margin-bottom:8px;border:1px solid var(--line);border-radius:6px;background:var(--surface);overflow:hidden;cursor:crosshair;touch-action:pan-y}
.overview canvas{display:block;width:100%;height:56px}
.overview .window{position:absolute;top:0;bottom:0;left:calc(var(--a)*100%);width:max(2px,calc((var(--b) - var(--a))*100%));border:solid var(--accent);border-width:0 2px;background:color-mix(in srgb,var(--accent) 14%,transparent)}
.selection{display:none;position:absolute;top:0;bottom:0;left:calc(var(--a)*100%);width:calc((var(--b) - var(--a))*100%);background:color-mix(in srgb,var(--accent) 24%,transparent);border:solid var(--accent);border-width:0 1px}
.selection.active{display:block}

.grid{container-type:inline-size;--columns:minmax(13.75rem,38%) 5.2rem minmax(0,1fr);position:relative;max-height:max(420px,100vh - 140px);overflow:auto;background:var(--surface);border:1px solid var(--line);border-radius:10px;scroll-padding-top:38px}
.row{display:grid;grid-template-columns:var(--columns);align-items:center}
.head{position:sticky;top:0;z-index:2;background:var(--surface);border-bottom:1px solid var(--line);color:var(--muted);font-size:.78125rem}
.head .row{height:1.875rem}
.head .name{padding-left:14px}
.head .axis{align-self:stretch;cursor:crosshair;touch-action:pan-y}
.body{position:relative}
.body .row{height:1.875rem;position:relative;cursor:default;content-visibility:auto;contain-intrinsic-size:auto 1.875rem}
.body .row:hover{background:var(--hover)}
.body .row[aria-selected=true]{background:var(--selected)}
.body .row:focus-visible{outline-offset:-2px;border-radius:4px}
.body .row.failed .text{color:var(--error)}
.body .row.beside .text,.body .row.beside .time{color:var(--muted);font-weight:400}
.body .row.beside .track>*,.body .row.beside .swatch{opacity:.4}
.name{display:flex;align-items:center;gap:7px;min-width:0;overflow:hidden;white-space:nowrap}
.body .name{padding-left:calc(6px + var(--depth)*15px)}
.name .text{overflow:hidden;text-overflow:ellipsis;flex:0 1 auto;min-width:3ch}
.row.entry .text{font-weight:600}
.name .service,.name .target{color:var(--muted);overflow:hidden;text-overflow:ellipsis;flex:0 2 auto;min-width:0}
.name .tokens{flex:none;color:var(--muted);font-size:.75rem}
@container (max-width:72rem){.name .tokens{display:none}}
.name .kind{flex:none;color:var(--muted);font-size:.65625rem;letter-spacing:.03em;border:1px solid var(--line);border-radius:4px;padding:0 4px;line-height:15px}
.twisty{flex:none;width:16px;height:1.375rem;display:inline-flex;align-items:center;justify-content:center;color:var(--muted);cursor:pointer}
[aria-expanded] .twisty::before{content:"\\25b8";font-size:.95rem;line-height:1}
[aria-expanded=true] .twisty::before{transform:rotate(90deg)}
.time{text-align:right;padding-right:10px;font-variant-numeric:tabular-nums;white-space:nowrap}
.head .time{text-align:right}
.track{position:relative;height:100%;overflow:hidden;margin-right:10px}
.bar,.own,.event,.tick{--left:clamp(-2%,(var(--s) - var(--from))*var(--scale)*100%,102%)}
.bar,.own{--right:clamp(-2%,(var(--e) - var(--from))*var(--scale)*100%,102%);position:absolute;left:var(--left);width:max(3px,var(--right) - var(--left));forced-color-adjust:none}
.bar{top:.5rem;bottom:.5rem;border-radius:3px;background:color-mix(in srgb,var(--c) 26%,transparent);box-shadow:inset 0 0 0 1px var(--c)}
.own{top:.5rem;bottom:.5rem;border-radius:2px;background:var(--c)}
.own{width:max(1px,var(--right) - var(--left))}
.bar:last-child,.bar+.own:first-of-type{border-radius:3px}
.unfinished .bar,.unfinished .own{border-radius:3px 0 0 3px}
.unfinished .own{background:repeating-linear-gradient(90deg,var(--c) 0 7px,color-mix(in srgb,var(--c) 26%,transparent) 7px 10px)}
.failed .bar{outline:2px solid var(--error);outline-offset:1px}
.event{position:absolute;left:var(--left);top:4px;bottom:4px;width:2px;margin-left:-1px;background:var(--text);forced-color-adjust:none}
.event.exception{background:var(--error)}
.lines{position:absolute;inset:0;display:grid;grid-template-columns:var(--columns);pointer-events:none}
.lines .track{grid-column:3}
.tick{position:absolute;left:var(--left);top:0;bottom:0;border-left:1px solid var(--line);white-space:nowrap}
.axis .tick{padding-left:4px;line-height:1.875rem;font-variant-numeric:tabular-nums}

.side:empty{display:none}
.details{background:var(--surface);border:1px solid var(--line);border-radius:10px;overflow:hidden}
.details-head{display:flex;align-items:center;gap:9px;padding:10px 12px;border-bottom:1px solid var(--line);border-top:3px solid var(--c)}
.details h3{flex:1;font-size:.9375rem;font-weight:650;overflow-wrap:anywhere}
.details h4{margin:16px 0 6px;font-size:.8125rem;font-weight:650}
.details-body{padding:12px;max-height:max(360px,100vh - 90px);overflow:auto}
.details summary{margin-top:16px;font-size:.8125rem;font-weight:650;cursor:pointer}
.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:3px 14px}
.facts dt{color:var(--muted)}
.facts dd{overflow-wrap:anywhere}
.attributes{width:100%;border-collapse:collapse;table-layout:fixed;font-size:.8125rem}
.attributes th{width:50%;text-align:left;font-weight:400;color:var(--muted);vertical-align:top;padding:4px 10px 4px 0;overflow-wrap:anywhere}
.attributes td{vertical-align:top;padding:4px 0;overflow-wrap:anywhere}
.attributes tr+tr>*{border-top:1px solid var(--line)}
.value.number,.value.boolean{font-variant-numeric:tabular-nums}
.events,.links{list-style:none;display:grid;gap:10px}
.events li{padding-left:10px;border-left:3px solid var(--line)}
.events li.exception{border-left-color:var(--error)}
.events li.exception strong{color:var(--error)}
.keys{margin-top:10px;color:var(--muted)}
.keys summary{cursor:pointer;width:max-content;max-width:100%}
.keys dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:6px 14px;margin:10px 0}

@media (min-width:1100px){
.with-details{grid-template-columns:minmax(0,1fr) 25rem}
.side{position:sticky;top:12px}
}
@media (max-width:720px){
.grid{container-type:inline-size;--columns:minmax(0,1fr) 5rem}
.head .row,.body .row{height:3rem;grid-template-rows:1.7rem 1.3rem}
.body .row{contain-intrinsic-size:auto 3rem}
.head .row{height:2.75rem;grid-template-rows:1.25rem 1.5rem}
.track{grid-column:1/-1;margin:0 10px}
.head .axis{margin:0 10px}
.axis .tick{line-height:1.5rem}
.bar,.own{top:3px;bottom:7px}
.event{top:1px;bottom:5px}
.body .name{padding-left:calc(4px + min(var(--depth),8)*10px)}
.name .kind{display:none}
.name .service,.name .target{min-width:6ch}
.lines{grid-template-columns:minmax(0,1fr)}
.lines .track{grid-column:1}
.keys dl{grid-template-columns:1fr}
.keys dd{margin-bottom:6px}
}
`;
