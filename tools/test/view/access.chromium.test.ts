import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildModel } from "../../src/view/model/model.ts";
import { renderTracePage } from "../../src/view/page/page.ts";
import { CHROMIUM, launch, openPage } from "./browser.ts";
import { contrastProblems, focusProblems, problems } from "./checks.ts";
import { sampleTrace } from "./sample.ts";
import { TRACE_ID } from "./spans.ts";

// A browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Who reads the page with what: rules of WCAG 2.2 AA that a program can check. */
describe.skipIf(CHROMIUM === undefined)("the accessibility of the page", () => {
  let browser: Browser;
  let folder: string;
  let url: string;
  beforeAll(async () => {
    browser = await launch();
    folder = mkdtempSync(join(tmpdir(), "a2a-otel-access-"));
    const file = join(folder, "trace.html");
    writeFileSync(file, renderTracePage(buildModel({ traceId: TRACE_ID, spans: sampleTrace(), refused: 2 })));
    url = pathToFileURL(file).href;
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  async function onPage<Result>(options: BrowserContextOptions, work: (page: Page) => Promise<Result>): Promise<Result> {
    const { page, complaints, close } = await openPage(browser, url, options);
    try {
      await page.getByRole("treegrid").waitFor();
      const result = await work(page);
      expect(complaints).toEqual([]);
      return result;
    } finally {
      await close();
    }
  }
  /** With everything open that can be. */
  async function openAll(page: Page): Promise<void> {
    await page.locator(".body > [role=row]").nth(8).click();
    for (const summary of await page.locator("summary").all()) await summary.click();
  }

  it("has valid names, roles, headings, labels, tables and ids", async () => {
    await onPage({}, async (page) => {
      await openAll(page);
      expect(await page.evaluate(problems)).toEqual([]);
      expect(await page.locator("html").getAttribute("lang")).toBe("en");
      for (const role of ["main", "banner", "complementary"] as const) expect(await page.getByRole(role).count()).toBe(1);
      const headings = await page.getByRole("heading").evaluateAll((all) => all.map((one) => `${one.tagName} ${one.textContent}`));
      expect(headings).toEqual([
        "H1 plan a journey",
        "H2 Waterfall",
        "H3 SendMessage",
        "H4 Attributes",
        "H4 Events (2)",
        "H4 Links (1)",
        "H2 Latency of each agent",
        "H2 Tokens and cost",
        "H2 Call graph",
      ]);
    });
  });

  it("has checks that find problems", async () => {
    await onPage({}, async (page) => {
      const wrong = await page.evaluate(() => {
        document.documentElement.style.setProperty("--muted", "#999");
        document.querySelector(".legend")?.removeAttribute("aria-label");
        document.querySelector("h2")?.remove();
        document.querySelector(".scroll")?.removeAttribute("tabindex");
        document.querySelector("[role=gridcell]")?.removeAttribute("role");
        document.querySelector<HTMLElement>(".scroll")?.style.setProperty("width", "50px");
        const button = document.querySelector<HTMLElement>("[aria-label='Zoom in']");
        button?.style.setProperty("min-width", "10px");
        button?.style.setProperty("width", "10px");
        document.querySelector("main")?.append(document.createElement("button"), document.createElement("table"));
      });
      expect(wrong).toBeUndefined();
      const found = (await page.evaluate(problems)).map((problem) => problem.replace(/,? \d.*|:.*/s, ""));
      expect([...new Set(found)].toSorted()).toEqual([
        "a table without headings",
        "aria-labelledby leads nowhere",
        "no name",
        "scrolls, but not by keyboard",
        "too small to hit",
      ]);
      expect(await page.evaluate(contrastProblems)).not.toEqual([]);
    });
  });

  it.each(["light", "dark"] as const)("has readable text in the %s theme", async (colorScheme) => {
    await onPage({ colorScheme }, async (page) => {
      await openAll(page);
      await page.getByRole("searchbox").fill("hotels");
      expect(await page.evaluate(contrastProblems)).toEqual([]);
    });
  });

  it("uses the system's theme until another one is chosen, and stores the choice", async () => {
    await onPage({ colorScheme: "dark" }, async (page) => {
      const ground = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const theme = page.getByRole("button", { name: /^Theme/ });
      const [dark, light] = ["rgb(15, 19, 26)", "rgb(244, 246, 249)"];
      expect(await theme.textContent()).toEqual("Theme: system");
      expect(await ground()).toEqual(dark);
      await theme.click();
      expect(await theme.textContent()).toEqual("Theme: light");
      expect(await ground()).toEqual(light);
      await page.reload();
      expect(await theme.textContent()).toEqual("Theme: light");
      expect(await ground()).toEqual(light);
      await theme.click();
      await page.emulateMedia({ colorScheme: "light" });
      expect(await theme.textContent()).toEqual("Theme: dark");
      expect(await ground()).toEqual(dark);
      await theme.click();
      expect(await theme.textContent()).toEqual("Theme: system");
      expect(await ground()).toEqual(light);
    });
  });

  it("shows the focus on every element that can have it", async () => {
    await onPage({}, async (page) => {
      await openAll(page);
      await page.locator("body").click({ position: { x: 2, y: 2 } });
      const seen = new Set<string>();
      for (let tab = 0; tab < 60; tab++) {
        await page.keyboard.press("Tab");
        const { problem, what } = await page.evaluate(focusProblems);
        expect(problem).toBeUndefined();
        seen.add(what);
      }
      expect(seen.size).toBeGreaterThan(20);
    });
  });

  it("has a link that skips the bar at the top", async () => {
    await onPage({}, async (page) => {
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
      expect(new URL(page.url()).hash).toBe("");
    });
  });

  it.each([
    ["a phone", 390],
    ["a window of 320 pixels, which is 1280 at four times the size", 320],
    ["a tablet", 800],
    ["a laptop", 1280],
  ])("does not scroll horizontally on %s", async (_, width) => {
    await onPage({ viewport: { width, height: 800 } }, async (page) => {
      const overflow = (): Promise<number> => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(await overflow()).toBeLessThanOrEqual(0);
      await openAll(page);
      expect(await overflow()).toBeLessThanOrEqual(0);
      // The rows keep a name, a time and a bar.
      const [name, time, bar] = await Promise.all(
        [".text", ".time", ".bar"].map((part) => page.locator(`.body > [role=row] ${part}`).first().boundingBox()),
      );
      for (const box of [name, time, bar]) expect(box?.width).toBeGreaterThan(20);
    });
  });

  it("does not cut off text of twice the size", async () => {
    await onPage({}, async (page) => {
      await page.evaluate(() => document.documentElement.style.setProperty("font-size", "200%"));
      const cut = await page.evaluate(() =>
        [...document.querySelectorAll(".body > .row .text, .time, button, h1, .figures dd")]
          .filter(
            (one) =>
              one.getBoundingClientRect().height >
              (one.closest(".row") ?? one.parentElement ?? one).getBoundingClientRect().height + 1,
          )
          .map((one) => one.textContent),
      );
      expect(cut).toEqual([]);
      const [text] = await page
        .locator(".body > .row .text")
        .first()
        .evaluateAll((all) => all.map((one) => getComputedStyle(one).fontSize));
      expect(text).toBe("28px");
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    });
  });

  it("has no motion if reduced motion is preferred", async () => {
    const durations = (): string[] => [
      ...new Set([...document.querySelectorAll("*")].map((one) => getComputedStyle(one).transitionDuration)),
    ];
    expect(await onPage({ reducedMotion: "reduce" }, (page) => page.evaluate(durations))).toEqual(["0s"]);
  });

  it("keeps bars and agents' colours in forced-colors mode", async () => {
    await onPage({ forcedColors: "active" }, async (page) => {
      const colours = await page.evaluate(() =>
        [".own", ".swatch"].map((one) => getComputedStyle(document.querySelector(`.c0 ${one}`) as Element).backgroundColor),
      );
      expect(colours).toEqual(["rgb(40, 105, 216)", "rgb(40, 105, 216)"]);
    });
  });
});
