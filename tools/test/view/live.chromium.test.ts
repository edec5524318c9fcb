import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { encodeTraces } from "../../src/view/otlp/encode.ts";
import { startView } from "../../src/view/server.ts";
import type { View } from "../../src/view/server.ts";
import type { Span } from "../../src/view/span.ts";
import { CHROMIUM, launch, openPage } from "./browser.ts";
import type { WatchedPage } from "./browser.ts";
import { contrastProblems, problems } from "./checks.ts";
import { largeTrace, sampleTrace } from "./sample.ts";
import { TRACE_ID, spanOf } from "./spans.ts";

// A browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

describe.skipIf(CHROMIUM === undefined)("the page of a running receiver", () => {
  let browser: Browser;
  let view: View;
  let opened: WatchedPage;
  let page: Page;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    view = await startView({ port: 0 });
    opened = await openPage(browser, view.url);
    page = opened.page;
    await page.getByRole("heading", { level: 1 }).waitFor();
  });
  afterEach(async () => {
    await opened.close();
    await view.close();
    expect(opened.complaints).toEqual([]);
  });

  async function send(spans: readonly Span[], traceId = TRACE_ID): Promise<void> {
    const body = JSON.stringify(encodeTraces(spans)).replaceAll(TRACE_ID, traceId);
    const response = await fetch(`${view.url}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    expect(response.status).toBe(200);
  }
  const list = (): Locator => page.getByRole("table", { name: "Traces, newest first" });
  const rowNames = (): Promise<string[]> => page.locator(".body > [role=row]:visible .text").allTextContents();
  const openTrace = async (name = "plan a journey"): Promise<void> => {
    await page.getByRole("link", { name }).first().click();
    await page.getByRole("treegrid").waitFor();
  };

  it("shows the settings until a trace is received, and then lists traces automatically", async () => {
    expect(await page.locator("main").innerText()).toContain(
      `OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\nOTEL_EXPORTER_OTLP_ENDPOINT=${view.url}`,
    );
    await send(sampleTrace());
    await send(largeTrace(10), "e".repeat(32));
    await list().getByRole("link", { name: "root" }).waitFor();
    const rows = await list().getByRole("row").allInnerTexts();
    expect(rows.map((row) => row.replaceAll(/\s+/g, " ").trim())).toEqual([
      "Trace Started Agents Duration Spans Errors Tokens Cost",
      expect.stringMatching(
        /^root eeeeeeee 9 Oct 2025, 08:53:20 orchestrator .* and 1 more 11\.0 ms 10 0 – –$|^root eeeeeeee 9 Oct 2025, 08:53:20 orchestrator .* \d+(\.\d)? ms 10 0 – –$/,
      ) as string,
      expect.stringMatching(
        /^plan a journey 4f1cb27a 9 Oct 2025, 08:53:20 concierge flights .* 900 ms 15 ✕ 3 6,470 unknown$/,
      ) as string,
    ]);
    expect(await page.title()).toBe("Traces (2)");
  });

  it("has an accessible list", async () => {
    await send(sampleTrace());
    await fetch(`${view.url}/v1/traces`, { method: "POST", headers: { "content-type": "application/grpc" }, body: "x" });
    await page.getByText("Refused (1 time)").waitFor();
    expect(await page.locator(".status.error:visible").allTextContents()).toEqual([
      expect.stringMatching(/^✕ Refused \(1 time\): .*gRPC/) as string,
    ]);
    expect(await page.evaluate(problems)).toEqual([]);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      expect((await page.evaluate(contrastProblems)).filter((problem) => !problem.startsWith("only"))).toEqual([]);
    }
    await page.setViewportSize({ width: 320, height: 700 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  });

  it("opens a trace with the focus on its heading, and goes back", async () => {
    await send(sampleTrace());
    await openTrace();
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("H1");
    expect(await page.title()).toBe("plan a journey: concierge");
    expect(new URL(page.url()).hash).toBe(`#/trace/${TRACE_ID}`);
    await page.locator(".body > [role=row]").nth(2).click();
    expect(new URL(page.url()).hash).toBe(`#/trace/${TRACE_ID}/a000000000000003`);
    await page.reload();
    await page.getByRole("complementary", { name: "chat large-1" }).waitFor();
    await page.goBack();
    await list().waitFor();
    await page.goForward();
    await page.getByRole("treegrid").waitFor();
    await page.getByRole("link", { name: "← All traces" }).click();
    await list().waitFor();
  });

  it("draws spans that arrive for the open trace and keeps the position", async () => {
    const [root, ...others] = sampleTrace() as [Span, ...Span[]];
    // Children come before their parents, which end later.
    await send(others);
    await openTrace("invoke_agent planner");
    expect(await rowNames()).toHaveLength(14);
    await page.getByRole("button", { name: /^mailer/ }).click();
    const call = page.locator("#span-a000000000000008");
    await call.click();
    await page.keyboard.press("ArrowLeft");
    await page.getByRole("button", { name: "Zoom in" }).click();
    await call.focus();
    const axis = page.getByRole("columnheader", { name: /^Timeline/ });
    const before = await axis.getAttribute("aria-label");

    await send([root]);
    await page.getByText("plan a journey", { exact: true }).first().waitFor();
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("plan a journey");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("span-a000000000000008");
    expect(await page.getByRole("complementary").getByRole("heading", { level: 3 }).textContent()).toBe("POST");
    expect(await page.getByRole("button", { name: /^mailer/ }).getAttribute("aria-pressed")).toBe("false");
    expect(await axis.getAttribute("aria-label")).toBe(before);
    await page.getByRole("button", { name: /^mailer/ }).click();
    expect(await rowNames()).toHaveLength(15 - 3);
  });

  it("keeps the search text while spans arrive", async () => {
    const [root, ...others] = sampleTrace() as [Span, ...Span[]];
    await send([root]);
    await openTrace();
    const search = page.getByRole("searchbox");
    await search.pressSequentially("hot");
    await send(others);
    await page.getByText("POST /self").waitFor();
    await page.keyboard.type("els");
    expect(await search.inputValue()).toBe("hotels");
    expect(await rowNames()).toContain("POST /self");
  });

  it("can be paused and resumed", async () => {
    const live = page.getByRole("button", { name: "Live" });
    await live.click();
    expect(await live.getAttribute("aria-pressed")).toBe("false");
    await send(sampleTrace());
    await page.waitForTimeout(500);
    expect(await list().count()).toBe(0);
    await live.click();
    await list().waitFor();
  });

  it("deletes all traces", async () => {
    await send(sampleTrace());
    await openTrace();
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByText("No traces have been received yet.").waitFor();
    expect(view.store.traces()).toEqual([]);
  });

  it("follows links to other traces, and reports a missing trace", async () => {
    const to = { traceId: "e".repeat(32), spanId: "0000000000000003", attributes: {} };
    await send([spanOf({ spanId: "00000000000000aa", name: "linking", links: [to, { ...to, traceId: "d".repeat(32) }] })]);
    await send(largeTrace(10), "e".repeat(32));
    await openTrace("linking");
    await page.locator("#span-00000000000000aa").click();
    await page.getByRole("complementary").getByRole("link").first().click();
    await page.getByRole("complementary", { name: "step 2" }).waitFor();
    await page.goBack();
    await page.getByRole("complementary", { name: "linking" }).waitFor();
    await page.getByRole("complementary").getByRole("link").last().click();
    await page.getByRole("heading", { name: "Trace not found" }).waitFor();
    // The browser itself writes down that there was nothing.
    expect(opened.complaints.splice(0)).toEqual([expect.stringContaining("404") as string]);
  });

  it("saves a trace as a self-contained page and as OTLP that can be imported again", async () => {
    await send(sampleTrace());
    await openTrace();
    const save = async (name: string): Promise<string> => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name }).click()]);
      expect(download.suggestedFilename()).toMatch(/^trace-4f1cb27a[0-9a-f]*\.(html|json)$/);
      return download.path();
    };
    const json = readFileSync(await save("Save as OTLP/JSON"), "utf8");
    const saved = await save("Save as HTML");
    const names = await rowNames();
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByText("No traces have been received yet.").waitFor();
    expect(
      (await fetch(`${view.url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: json }))
        .status,
    ).toBe(200);
    await openTrace();
    expect(await rowNames()).toEqual(names);

    const { copyFileSync, rmSync } = await import("node:fs");
    copyFileSync(saved, `${saved}.html`);
    const offline = await openPage(browser, pathToFileURL(`${saved}.html`).href);
    await offline.page.getByRole("treegrid").waitFor();
    expect(await offline.page.locator(".body > [role=row] .text").allTextContents()).toEqual(names);
    expect(offline.complaints).toEqual([]);
    await offline.close();
    rmSync(`${saved}.html`);
  });

  it("reports that the connection is lost, and recovers", async () => {
    await send(sampleTrace());
    await list().waitFor();
    const port = Number(new URL(view.url).port);
    await view.close();
    await page.getByRole("alert").filter({ hasText: "does not answer" }).waitFor();
    expect(await list().isVisible()).toBe(true);
    view = await startView({ port });
    await page.getByText("No traces have been received yet.").waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
    // The browser itself writes down that the connection was refused.
    expect(
      opened.complaints
        .splice(0)
        .every((complaint) =>
          /net::ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING|CONNECTION_RESET|EMPTY_RESPONSE)/.test(complaint),
        ),
    ).toBe(true);
  });

  it("runs no code that spans contain", async () => {
    await send(sampleTrace());
    await openTrace();
    await page.locator("#span-a00000000000000f").click();
    await page.getByRole("complementary").waitFor();
    expect(await page.evaluate(() => (globalThis as { hit?: unknown }).hit)).toBeUndefined();
    // Even if the script had a hole: its policy lets no markup be made from a string.
    const attempt = await page.evaluate(() => {
      try {
        document.body.insertAdjacentHTML("beforeend", "<b>x</b>");
        return "made";
      } catch (error) {
        return (error as Error).name;
      }
    });
    expect(attempt).toBe("TypeError");
    opened.complaints.splice(0);
  });
});
