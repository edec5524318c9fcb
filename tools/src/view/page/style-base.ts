/** Typography, colours, the bar at the top, controls. */
export const BASE = `
*{box-sizing:border-box}
[hidden]{display:none!important}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--background);color:var(--text);font:.875rem/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
code,pre,kbd{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.78125rem}
h1,h2,h3,h4,p,dl,dd,ul,ol{margin:0;padding:0}
h1{font-size:1.375rem;line-height:1.25;font-weight:650;overflow-wrap:anywhere}
h2{font-size:.9375rem;font-weight:650;margin-bottom:10px}
a{color:var(--accent)}
:focus{outline:none}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
main:focus-visible,h1:focus-visible,h3:focus-visible{outline-offset:4px;border-radius:2px}
.unseen{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.muted{color:var(--muted)}
.bad{color:var(--error);font-weight:600}
.note{color:var(--muted);font-size:.78125rem;margin-top:10px;max-width:80ch}
main{display:block;max-width:1720px;margin:0 auto;padding:16px 24px 48px}

.top{display:flex;flex-wrap:wrap;align-items:center;gap:12px;padding:8px 24px;background:var(--surface);border-bottom:1px solid var(--line)}
.brand{white-space:nowrap;font-weight:650;letter-spacing:.01em}
.top .group{margin-left:auto}
.skip{position:absolute;left:8px;top:-60px;padding:8px 12px;background:var(--surface);border:1px solid var(--control);border-radius:6px;z-index:9}
.skip:focus{top:6px}

.group{display:inline-flex;flex-wrap:wrap;align-items:center;gap:6px}
button,input[type=search]{font:inherit;color:inherit;background:var(--surface);border:1px solid var(--control);border-radius:6px;padding:4px 10px;min-height:1.875rem}
button{cursor:pointer}
button:hover{background:var(--hover)}
button:active{background:var(--selected)}
.live::before{content:"";display:inline-block;width:8px;height:8px;margin-right:7px;border-radius:50%;box-shadow:inset 0 0 0 1.5px currentColor}
.live[aria-pressed=true]::before{background:var(--ok);box-shadow:none;forced-color-adjust:none}
button.small{min-height:1.5rem;padding:1px 8px;font-size:.78125rem}
button.link{border:0;padding:0;min-height:0;background:none;color:var(--accent);text-decoration:underline;text-align:left;overflow-wrap:anywhere}
button[aria-label]:not(.small):not(.link){min-width:32px;padding:4px 8px}
.check{display:inline-flex;align-items:center;gap:6px;padding:4px 6px;min-height:1.875rem;cursor:pointer}
input[type=checkbox]{accent-color:var(--accent);width:16px;height:16px;margin:0}
input[type=search]{width:100%;min-width:0}
input::placeholder{color:var(--muted);opacity:1}
kbd{padding:1px 6px;border:1px solid var(--line);border-radius:4px;background:var(--background)}

.swatch{display:inline-block;flex:none;width:10px;height:10px;border-radius:3px;background:var(--c,transparent);forced-color-adjust:none}
.mark{display:inline-flex;flex:none;align-items:center;justify-content:center;width:1.07rem;height:1.07rem;border-radius:50%;font-size:.6875rem;font-weight:700;line-height:1}
.mark.error{color:var(--error);background:var(--error-surface);box-shadow:inset 0 0 0 1.5px currentColor}
.mark.warning{color:var(--warning);background:var(--warning-surface);box-shadow:inset 0 0 0 1.5px currentColor}
.status{padding:8px 12px;border-radius:6px;margin-bottom:12px;overflow-wrap:anywhere}
.status.error{color:var(--error);background:var(--error-surface)}
.status.ok{color:var(--ok);padding:0}
body>.status{margin:12px 24px 0}

.headline{padding:6px 0 18px}
.subline{color:var(--muted);margin-top:4px;overflow-wrap:anywhere}
.figures{display:flex;flex-wrap:wrap;gap:8px 36px;margin-top:14px}
.figures dt{color:var(--muted);font-size:.78125rem}
.figures dd{font-size:1.125rem;font-weight:600;font-variant-numeric:tabular-nums}
.notices{list-style:none;margin-top:14px;padding:7px 12px;display:grid;gap:3px;border-radius:6px;color:var(--warning);background:var(--warning-surface);overflow-wrap:anywhere}
.notices li::before{content:"! ";font-weight:700}
.crumbs{display:flex;flex-wrap:wrap;gap:4px 18px;margin-bottom:10px}
.welcome{max-width:70ch;display:grid;gap:10px;margin-top:14px;padding:20px;background:var(--surface);border:1px solid var(--line);border-radius:10px}
pre{margin:0;padding:10px 12px;max-height:320px;overflow:auto;background:var(--background);border:1px solid var(--line);border-radius:6px;white-space:pre-wrap;overflow-wrap:anywhere}

@media (max-width:640px){
main{padding:12px 12px 40px}
.top{padding:8px 12px}
.figures{gap:8px 24px}
h1{font-size:1.1875rem}
}
@media (prefers-reduced-motion:no-preference){
button,.row{transition:background-color .12s}
}
@media print{
.top,.toolbar,.legend,.keys,.crumbs{display:none!important}
.grid,.scroll,pre{max-height:none!important;overflow:visible!important}
}
`;
