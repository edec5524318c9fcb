import { createHash } from "node:crypto";
import type { PageData } from "../browser/main.ts";
import type { TraceModel } from "../model/model.ts";
import { pageScript } from "./script.ts";
import { STYLE } from "./style.ts";

/**
 * A page that shows one trace and needs nothing else: no network, no other file.
 *
 * @returns HTML, in UTF-8.
 * @example writeFileSync("trace.html", renderTracePage(buildModel(trace)))
 */
export function renderTracePage(trace: TraceModel): string {
  return page(trace.name === "" ? "Trace" : `${trace.name}: ${trace.service}`, { trace }, contentPolicy(false));
}

/** The page of a running receiver, which asks only the receiver that it came from. */
export function renderLivePage(): string {
  return page("Traces", { live: true }, contentPolicy(true));
}

/**
 * What the browser lets the page do: run its own script, use its own style, and reach the network not at all, or its own origin only. Markup cannot
 * be made from strings, so an oversight in the script cannot make some of a span's text.
 */
export function contentPolicy(live: boolean): string {
  return [
    "default-src 'none'",
    `script-src '${hashOf(pageScript())}'`,
    `style-src '${hashOf(STYLE)}'`,
    "img-src data:",
    ...(live ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

function hashOf(content: string): string {
  return `sha256-${createHash("sha256").update(content).digest("base64")}`;
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cg fill='%232a6fd6'%3E%3Crect width='12' height='4' y='1' rx='1'/%3E%3Crect width='8' height='4' x='4' y='6' rx='1'/%3E%3Crect width='6' height='4' x='9' y='11' rx='1'/%3E%3C/g%3E%3C/svg%3E";

function page(title: string, data: PageData, policy: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escaped(title.slice(0, 200))}</title>
<link rel="icon" href="${ICON}">
<style>${STYLE}</style>
</head>
<body>
<noscript><p>This page draws its trace with JavaScript, which is off here.</p></noscript>
<script type="application/json" id="data">${json(data)}</script>
<script type="module">${pageScript()}</script>
</body>
</html>
`;
}

function escaped(text: string): string {
  const wellFormed = text.toWellFormed();
  return wellFormed.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** JSON that stays inside a script element, whatever strings are in it. */
function json(data: PageData): string {
  return pageJson(data).replaceAll(/[<>&\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** What the page's script reads: JSON, in which integers that a number cannot hold are strings. */
export function pageJson(data: unknown): string {
  return JSON.stringify(data, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}
