import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { buildModel } from "../../src/view/model/model.ts";
import { renderTracePage } from "../../src/view/page/page.ts";
import type { Prices } from "../../src/view/prices.ts";
import type { Span } from "../../src/view/span.ts";
import { CHROMIUM, launch, openPage } from "./browser.ts";
import type { WatchedPage } from "./browser.ts";
import { HOSTILE, largeTrace, sampleTrace } from "./sample.ts";
import { TRACE_ID, at, spanOf } from "./spans.ts";

const PRICES: Prices = { models: { "large-*": { input: 3, cachedInput: 0.3, output: 15 } } };

// A browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** The trace in a file, as the demo and "Save as HTML" write it, opened from there. */
describe.skipIf(CHROMIUM === undefined)("the page of a trace", () => {
  let browser: Browser;
  let folder: string;
  let opened: WatchedPage | undefined;
  let page: Page;
  beforeAll(async () => {
    browser = await launch();
    folder = mkdtempSync(join(tmpdir(), "a2a-otel-picture-"));
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });
  // Whatever a test does: no error, no message on the console, no request.
  afterEach(async () => {
    const complaints = opened?.complaints;
    const hit = await page.evaluate(() => (globalThis as { hit?: unknown }).hit);
    await opened?.close();
    expect(complaints).toEqual([]);
    expect(hit).toEqual(undefined);
  });

  async function open(spans: readonly Span[] = sampleTrace(), options: BrowserContextOptions = {}, hash = ""): Promise<void> {
    const file = join(folder, `${Math.random()}.html`);
    writeFileSync(file, renderTracePage(buildModel({ traceId: TRACE_ID, spans, refused: 0 }, PRICES)));
    opened = await openPage(browser, pathToFileURL(file).href + hash, options);
    page = opened.page;
    await page.getByRole("treegrid").waitFor();
  }

  const rows = (): Locator => page.getByRole("treegrid").locator(".body > [role=row]:visible");
  const names = async (): Promise<string[]> => rows().locator(".text").allTextContents();
  const row = (name: string): Locator =>
    rows()
      .filter({ has: page.getByText(name, { exact: true }) })
      .first();
  const focused = (): Promise<string | null | undefined> =>
    page.evaluate(() => (document.activeElement?.querySelector(".text") ?? document.activeElement)?.textContent);
  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await page.keyboard.press(key);
  };

  it("shows every span as text, whatever it contains", async () => {
    await open();
    expect(await names()).toEqual([
      "plan a journey",
      "invoke_agent planner",
      "chat large-1",
      "POST",
      "SendMessage",
      "chat small-2",
      "GET",
      "POST",
      "SendMessage",
      "POST",
      "POST /self",
      "publish",
      "work",
      HOSTILE,
      "GET /lost",
    ]);
    await row(HOSTILE).click();
    const details = page.getByRole("complementary");
    expect(await details.getByRole("heading", { level: 3 }).textContent()).toBe(HOSTILE);
    expect(await details.textContent()).toContain(`✕ Error: ${HOSTILE}`);
    expect(await page.locator("script").count()).toBe(0);
    expect(await page.locator("img").count()).toBe(0);
  });

  it("shows the summary of the trace", async () => {
    await open();
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("plan a journey");
    expect(await page.title()).toBe("plan a journey: concierge");
    const figures = await page.locator(".figures > div").allTextContents();
    expect(figures).toEqual([
      "Duration900 ms",
      "Agents6",
      "Spans15",
      "Errors✕ 3",
      "Tokens6,000 in, 470 out",
      "Costat least $0.0107",
    ]);
    expect(await page.locator(".notices li").allTextContents()).toHaveLength(3);
  });

  it("is a tree grid whose rows describe their position", async () => {
    await open();
    const grid = page.getByRole("treegrid", { name: "Waterfall" });
    expect(await grid.getAttribute("aria-rowcount")).toBe("16");
    expect(await grid.getByRole("columnheader").allTextContents()).toEqual([
      "Span",
      "Duration",
      expect.stringMatching(/^0 ms/) as string,
    ]);
    const attributes = await row("chat small-2").evaluate((element) =>
      Object.fromEntries(
        ["level", "posinset", "setsize", "rowindex", "expanded", "selected"].map((name) => [
          name,
          element.getAttribute(`aria-${name}`),
        ]),
      ),
    );
    expect(attributes).toEqual({ level: "5", posinset: "1", setsize: "2", rowindex: "7", expanded: null, selected: null });
    expect(await row("plan a journey").getAttribute("aria-expanded")).toBe("true");
    // What a screen reader hears of a failed call that another agent answered.
    expect(await rows().nth(8).ariaSnapshot()).toBe(
      '- row "Error SendMessage hotels SERVER 250 ms from 440 ms, own time 100 ms" [expanded] [level=3]:\n' +
        '  - gridcell "Error SendMessage hotels SERVER":\n    - img "Error": ✕\n    - text: SendMessage hotels SERVER\n' +
        '  - gridcell "250 ms"\n  - gridcell "from 440 ms, own time 100 ms"',
    );
  });

  it("can be operated with the keyboard", async () => {
    await open();
    await page.getByRole("searchbox").focus();
    const stops: (string | undefined)[] = [];
    for (let tab = 0; tab < 16; tab++) {
      await press("Tab");
      stops.push((await focused())?.trim());
    }
    expect(stops).toEqual([
      "",
      "Expand all",
      "Collapse all",
      "+",
      "−",
      "◂",
      "▸",
      "Whole trace",
      "concierge 6 spans",
      "flights 3 spans",
      "stray 1 span",
      "hotels 3 spans",
      "mailer 1 span",
      `evil ${HOSTILE} 1 span`,
      "plan a journey",
      "Keyboard shortcuts and legend",
    ]);
    await press("Shift+Tab");
    const walk: (string | null | undefined)[] = [];
    for (const key of ["ArrowDown", "ArrowDown", "ArrowLeft", "End", "Home", "PageDown", "ArrowUp", "PageUp", "ArrowRight"]) {
      await press(key);
      walk.push(await focused());
    }
    expect(walk).toEqual([
      "invoke_agent planner",
      "chat large-1",
      "invoke_agent planner",
      "GET /lost",
      "plan a journey",
      "POST /self",
      "POST",
      "plan a journey",
      "invoke_agent planner",
    ]);
  });

  it("can collapse rows", async () => {
    await open();
    await row("invoke_agent planner").focus();
    await press("ArrowLeft");
    expect(await row("invoke_agent planner").getAttribute("aria-expanded")).toBe("false");
    expect((await names()).slice(0, 4)).toEqual(["plan a journey", "invoke_agent planner", "POST", "SendMessage"]);
    await press("ArrowDown");
    expect(await focused()).toBe("POST");
    await press("ArrowUp", "ArrowRight", "ArrowRight");
    expect(await focused()).toBe("chat large-1");
    await page.getByRole("button", { name: "Collapse all" }).click();
    expect(await names()).toEqual(["plan a journey", "GET /lost"]);
    await row("plan a journey").focus();
    await press("*", "ArrowDown", "*");
    expect(await names()).toHaveLength(10);
    await page.getByRole("button", { name: "Expand all" }).click();
    expect(await names()).toHaveLength(15);
    await row("plan a journey").locator(".twisty").click();
    expect(await names()).toEqual(["plan a journey", "GET /lost"]);
  });

  it("keeps the focus on a row when the focused one is collapsed", async () => {
    await open();
    await row("chat large-1").focus();
    await press("ArrowUp", "ArrowDown");
    await page.getByRole("button", { name: "Collapse all" }).click();
    expect(await page.locator(".body > [role=row][tabindex='0']").locator(".text").allTextContents()).toEqual(["plan a journey"]);
  });

  it("shows a span's details, and restores the focus", async () => {
    await open();
    await rows().nth(8).focus();
    await press("Enter");
    const details = page.getByRole("complementary", { name: "SendMessage" });
    expect(await focused()).toBe("SendMessage");
    expect(await rows().nth(8).getAttribute("aria-selected")).toBe("true");
    const text = await details.innerText();
    for (const part of [
      "✕ Error: ECONNREFUSED: the booking system is down",
      "440 ms after the start of the trace",
      "2025-10-09 08:53:20.440000 UTC",
      "POST (concierge, in another process)",
      "3 attributes, events or links, because of limits",
      "9007199254740993",
      "✕ exception after 240 ms",
      "at step11 (agent.ts:11:7)",
      `${"1".repeat(32)} ${"2".repeat(16)}`,
    ]) {
      expect(text).toContain(part);
    }
    expect(await details.getByRole("table", { name: "Attributes", exact: true }).getByRole("row").allInnerTexts()).toEqual([
      "a2a.task.id\ttask-42",
      "big\t9007199254740993",
      "error.type\tECONNREFUSED",
    ]);
    await press("Escape");
    expect(await details.count()).toBe(0);
    expect(await focused()).toBe("SendMessage");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("row");
  });

  it("has details that follow the focus, with a link to the parent", async () => {
    await open();
    await row("chat large-1").click();
    const heading = page.getByRole("complementary").getByRole("heading", { level: 3 });
    expect(await page.getByRole("complementary").innerText()).toMatch(
      /large-1\n?.*5,200 tokens in \(4,096 of them from a cache\), 410 out; \$0\.0107\./,
    );
    await press("ArrowDown");
    expect(await heading.textContent()).toBe("POST");
    await page.getByRole("complementary").getByRole("button", { name: "invoke_agent planner" }).click();
    expect(await heading.textContent()).toBe("invoke_agent planner");
    expect(await focused()).toBe("invoke_agent planner");
    expect(await page.getByRole("complementary").innerText()).toContain("so it is not part of the sums");
    await page.getByRole("button", { name: "Close details" }).click();
    expect(await page.getByRole("complementary").count()).toBe(0);
  });

  it("finds spans by their texts and shows their ancestors", async () => {
    await open();
    const search = page.getByRole("searchbox", { name: "Search spans" });
    const status = page.locator(".result");
    await search.fill("task-42");
    expect(await names()).toEqual(["plan a journey", "POST", "SendMessage"]);
    expect(await status.textContent()).toBe("1 span matches of 15");
    await search.fill("HOTELS server");
    expect(await names()).toEqual(["plan a journey", "POST", "SendMessage", "POST", "POST /self"]);
    await search.fill("gen_ai.request.model=small");
    expect(await status.textContent()).toBe("1 span matches of 15");
    await search.fill("nothing of the kind");
    expect(await names()).toEqual([]);
    expect(await status.textContent()).toEqual("0 spans match of 15");
    await search.fill("");
    expect((await names()).length).toEqual(15);
    expect(await status.textContent()).toEqual("");
  });

  it("shows only errors, and hides agents", async () => {
    await open();
    await page.getByRole("checkbox", { name: "Errors only" }).check();
    expect(await names()).toEqual(["plan a journey", "POST", "SendMessage", HOSTILE]);
    const hotels = page.getByRole("button", { name: /^hotels/ });
    await hotels.click();
    expect(await hotels.getAttribute("aria-pressed")).toBe("false");
    expect(await names()).toEqual(["plan a journey", "POST", HOSTILE]);
    await page.getByRole("checkbox").uncheck();
    await hotels.click();
    expect(await names()).toHaveLength(15);
  });

  it("zooms in and out", async () => {
    await open();
    const axis = page.getByRole("columnheader", { name: /^Timeline/ });
    const label = (): Promise<string | null> => axis.getAttribute("aria-label");
    const box = async (name: string): Promise<number[]> => {
      const bar = await row(name).locator(".bar").boundingBox();
      const track = await axis.boundingBox();
      if (bar === null || track === null) throw new Error("not there");
      return [(bar.x - track.x) / track.width, bar.width / track.width].map((share) => Math.round(share * 100));
    };
    expect(await label()).toBe("Timeline, 0 ms to 900 ms");
    expect(await box("chat large-1")).toEqual([1, 19]);
    await page.getByRole("button", { name: "Zoom in" }).click();
    expect(await label()).toBe("Timeline, 225 ms to 675 ms");
    await page.getByRole("button", { name: "Earlier" }).click();
    expect(await label()).toBe("Timeline, 0 ms to 450 ms");
    expect(await box("chat large-1")).toEqual([2, 38]);
    await page.getByRole("button", { name: "Later" }).click();
    await page.getByRole("button", { name: "Zoom out" }).click();
    expect(await label()).toBe("Timeline, 0 ms to 900 ms");
    await row("chat large-1").focus();
    await press("+", "+");
    expect(await label()).toBe("Timeline, 0 ms to 225 ms");
    await press("-");
    await press("0");
    expect(await label()).toBe("Timeline, 0 ms to 900 ms");
    const area = await axis.boundingBox();
    if (area === null) throw new Error("not there");
    const point = (share: number): [number, number] => [area.x + area.width * share, area.y + 10];
    await page.mouse.move(...point(0.25));
    await page.mouse.down();
    await page.mouse.move(...point(0.5));
    await page.mouse.up();
    expect(await label()).toMatch(/^Timeline, 22\d ms to 4[45]\d ms$/);
    await page.mouse.dblclick(...point(0.5));
    expect(await label()).toBe("Timeline, 0 ms to 900 ms");
    await row("chat large-1").dblclick();
    expect(await label()).toBe("Timeline, 10.0 ms to 180 ms");
    expect(await box("chat large-1")).toEqual([0, 100]);
  });

  it("has tables of the agents' latency, tokens, cost and calls", async () => {
    await open();
    const table = async (name: string): Promise<string[]> =>
      (await page.getByRole("table", { name }).getByRole("row").allInnerTexts()).map((text) => text.replaceAll(/\s+/g, " ").trim());
    expect((await table("Latency of each agent")).slice(0, 3)).toEqual([
      "Agent Calls Errors Total Own Callees’ In models Slowest call",
      "concierge 1 ✕ 1 900 ms 350 ms 550 ms 170 ms 900 ms",
      "flights 1 0 195 ms 195 ms 0 ms 110 ms 195 ms",
    ]);
    expect(await table("Tokens and cost")).toEqual([
      "Agent Model Requests Input Cached Output Cost",
      "concierge large-1 1 5,200 4,096 410 $0.0107",
      "flights small-2 1 800 – 60 unknown",
      "Total 2 6,000 4,096 470 at least $0.0107",
    ]);
    expect(await page.locator("#usage .note").textContent()).toBe(
      "No price is known for 1 request (small-2), so the sums do not include their cost.",
    );
    const calls = await table("Calls between agents");
    expect(calls.slice(0, 4)).toEqual([
      "Caller Callee Calls Errors Total Slowest",
      "concierge flights 1 0 220 ms 220 ms",
      "concierge hotels 1 ✕ 1 270 ms 270 ms",
      "hotels hotels 1 0 150 ms 150 ms",
    ]);
    expect(calls.at(-1)).toBe("flights fares.example:8443 (outside) 1 0 65.0 ms 65.0 ms");
    const drawing = page.getByRole("img", { name: /^Call graph: 8 agents, 6 connections/ });
    expect(await drawing.locator(".node").count()).toBe(8);
    expect(await drawing.locator("path.edge").count()).toBe(6);
    expect(await drawing.locator("path.edge.failed").count()).toBe(2);
  });

  it("indents JSON in attributes, unless it would take too much memory", async () => {
    const messages = JSON.stringify([{ role: "user", content: "x".repeat(200) }]);
    const attributes = {
      "a.messages": messages,
      "b.deep": `${"[".repeat(16_000)}${"]".repeat(16_000)}`,
      "c.broken": `[${"x".repeat(200)}`,
    };
    await open([
      spanOf({
        spanId: "a000000000000001",
        attributes,
        events: Array.from({ length: 150 }, () => ({ time: at(1), name: "e", attributes: {} })),
      }),
    ]);
    await rows().first().click();
    const texts = await page.getByRole("complementary").locator("pre").allTextContents();
    expect(texts).toEqual([
      `[\n  {\n    "role": "user",\n    "content": "${"x".repeat(200)}"\n  }\n]`,
      attributes["b.deep"],
      attributes["c.broken"],
    ]);
    expect(await page.getByRole("complementary").innerText()).toContain("And 50 more events.");
  });

  it("opens with the span in the address, and keeps the address", async () => {
    await open(sampleTrace(), {}, "#a000000000000009");
    expect(await page.getByRole("complementary").getByRole("heading", { level: 3 }).textContent()).toBe("SendMessage");
    await row("chat large-1").click();
    expect(new URL(page.url()).hash).toBe("#a000000000000003");
    expect(await page.locator("[role=row][tabindex='0'] .text").textContent()).toBe("chat large-1");
  });

  it("stays usable with 5,000 spans", async () => {
    const began = performance.now();
    await open(largeTrace(5000));
    const loaded = performance.now() - began;
    expect(await page.getByRole("treegrid").getAttribute("aria-rowcount")).toBe("5001");
    // In the page, until the next frame is painted.
    const timeOf = (key: string): Promise<number> =>
      page.evaluate(
        (pressed) =>
          new Promise<number>((resolve) => {
            const start = performance.now();
            const target = document.activeElement as HTMLElement;
            target.dispatchEvent(new KeyboardEvent("keydown", { key: pressed, bubbles: true }));
            requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - start)));
          }),
        key,
      );
    await page.locator("[role=row][tabindex='0']").focus();
    const times: Record<string, number> = { load: loaded };
    for (const key of ["ArrowDown", "End", "Home", "+", "0", "ArrowLeft", "ArrowRight"]) times[key] = await timeOf(key);
    const searching = performance.now();
    await page.getByRole("searchbox").fill("step 4999");
    expect(await names()).toEqual(["root", "step 4996", "step 4997", "step 4998", "step 4999"]);
    times["search"] = performance.now() - searching;
    if (process.env["TIMES"] !== undefined) console.log(times);
    // A tenth of this when nothing else runs on the machine.
    const limit = (name: string): number => (name === "load" ? 15_000 : 3000);
    expect(Object.entries(times).filter(([name, time]) => time > limit(name))).toEqual([]);
  });
});
