import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { TraceModel } from "../model/model.ts";
import { THEMES } from "./theme.ts";

/** The page's data: a trace, or the instruction to show the traces of the receiver. */
export type PageData = { readonly trace: TraceModel } | { readonly live: true };

// The project's tests and demo run from the sources, but the page's files are bundled, because browsers do not run TypeScript.
const FOLDER = new URL(import.meta.url.endsWith(".ts") ? "../../../dist/view/page/" : "./", import.meta.url);
const files = new Map<string, string>();

function readPart(name: string): string {
  const text = files.get(name) ?? readFileSync(new URL(name, FOLDER), "utf8");
  files.set(name, text);
  return text;
}

/** The page's script: one module, which `scripts/build-page.ts` bundles from `src/view/browser`. */
export function pageScript(): string {
  return readPart("script.js");
}

function pageStyle(): string {
  return THEMES + readPart("style.css");
}

/**
 * Renders a self-contained page that shows one trace, without network access or other files.
 *
 * @returns HTML, in UTF-8.
 * @example writeFileSync("trace.html", renderTracePage(buildModel(trace)))
 */
export function renderTracePage(trace: TraceModel): string {
  return page(trace.name === "" ? "Trace" : `${trace.name}: ${trace.service}`, { trace }, contentPolicy(false));
}

/** Renders the page of a running receiver. It only sends requests to that receiver. */
export function renderLivePage(): string {
  return page("Traces", { live: true }, contentPolicy(true));
}

/**
 * The page's content security policy: it may run its own script, use its own style, and send requests to its own origin if it is live, or none.
 * Trusted types forbid markup from strings, so a mistake in the script cannot turn a span's text into markup.
 */
export function contentPolicy(live: boolean): string {
  return [
    "default-src 'none'",
    `script-src '${hashOf(pageScript())}'`,
    `style-src '${hashOf(pageStyle())}'`,
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
<style>${pageStyle()}</style>
</head>
<body>
<noscript><p>This page needs JavaScript, which is disabled in this browser.</p></noscript>
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

/** JSON that cannot end the script element, whatever strings it contains. */
function json(data: PageData): string {
  return pageJson(data).replaceAll(/[<>&\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** JSON for the page's script, in which bigints are strings. */
export function pageJson(data: unknown): string {
  return JSON.stringify(data, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}
