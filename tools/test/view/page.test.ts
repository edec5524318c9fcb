import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { buildModel } from "../../src/view/model/model.ts";
import { pageScript, renderLivePage, renderTracePage } from "../../src/view/page/page.ts";
import { HOSTILE, sampleTrace } from "./sample.ts";
import { TRACE_ID, spanOf } from "./spans.ts";

const model = buildModel({ traceId: TRACE_ID, spans: sampleTrace(), refused: 0 });
const page = renderTracePage(model);

const dataOf = (html: string): string => /<script type="application\/json" id="data">([\s\S]*?)<\/script>/.exec(html)?.[1] ?? "";
const policyOf = (html: string): string => /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? "";

describe("renderTracePage()", () => {
  it("contains the whole trace inside one element", () => {
    expect(JSON.parse(dataOf(page))).toEqual({
      trace: JSON.parse(JSON.stringify(model, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))),
    });
    expect(dataOf(page)).not.toMatch(/[<>&\u2028\u2029]/);
    expect(page.match(/<script/g)).toHaveLength(2);
  });

  it("has a title without markup, for any name of the trace", () => {
    const named = (name: string): string | undefined => {
      const html = renderTracePage(buildModel({ traceId: TRACE_ID, spans: [spanOf({ spanId: "1", name })], refused: 0 }));
      return /<title>(.*)<\/title>/s.exec(html)?.[1];
    };
    expect(named('</title>&"')).toBe("&lt;/title&gt;&amp;&quot;: orchestrator");
    expect(named("")).toBe("Trace");
    expect(named("\ud800 cut")).toBe("\ufffd cut: orchestrator");
    expect(named(HOSTILE.repeat(100))?.length).toBeLessThan(900);
  });

  it("allows only its own script and style, and no network access", () => {
    const [, style = ""] = /<style>([\s\S]*?)<\/style>/.exec(page) ?? [];
    const [, script = ""] = /<script type="module">([\s\S]*?)<\/script>/.exec(page) ?? [];
    const hash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    expect(policyOf(page).split("; ")).toEqual([
      "default-src 'none'",
      `script-src ${hash(script)}`,
      `style-src ${hash(style)}`,
      "img-src data:",
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]);
    expect(policyOf(renderLivePage())).toContain("connect-src 'self'");
  });

  it("contains no network address", () => {
    const addresses = [...page.replace(dataOf(page), "").matchAll(/\b(?:https?:)?\/\/[\w.]+/g)].map(([address]) => address);
    expect(addresses.filter((address) => address !== "http://www.w3.org")).toEqual([]);
  });
});

describe("pageScript()", () => {
  it("returns one module with unique names in the right order", async () => {
    const folder = mkdtempSync(join(tmpdir(), "a2a-otel-page-"));
    writeFileSync(join(folder, "page.mjs"), pageScript());
    await promisify(execFile)(process.execPath, ["--check", join(folder, "page.mjs")]);
    rmSync(folder, { recursive: true });
    expect(pageScript()).not.toMatch(/^(?:import|export)\b/m);
  });

  it("contains all modules", () => {
    for (const text of ["Later", "Close details", "No traces have been received yet.", "Call graph"])
      expect(pageScript()).toContain(text);
  });

  it("never creates markup or code from strings", () => {
    const markup =
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|srcdoc|setAttribute\("on/i;
    for (const file of globSync("tools/src/view/browser/*.ts*")) expect(readFileSync(file, "utf8")).not.toMatch(markup);
    // Preact can, if a component asks for it by this property, which none does.
    const withoutPreact = pageScript().replaceAll(/dangerouslySetInnerHTML|\.innerHTML(?:=\w+\.__html|\)\|\|)/g, "");
    expect(withoutPreact).not.toMatch(markup);
    expect(pageScript()).not.toContain("</script");
  });
});
