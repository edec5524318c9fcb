import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";

const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The Chromium that the tests of the page run in: the environment's `CHROMIUM`, or one in a usual place. */
export const CHROMIUM: string | undefined = process.env["CHROMIUM"] || PLACES.find((path) => existsSync(path));

if (CHROMIUM === undefined)
  console.warn("No Chromium is found, so the tests of the page are skipped. Set CHROMIUM to the path of one to run them.");

/** With everything off that would reach for the network by itself. */
const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM ?? "", args: FLAGS.split(" ") });
}

export interface WatchedPage {
  readonly page: Page;
  /** Everything that should not be: errors, messages on the console, requests that are neither for a file nor for `origin`. */
  readonly complaints: string[];
  readonly close: () => Promise<void>;
}

/** A page of its own, in a context of its own. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    timezoneId: "UTC",
    locale: "en-GB",
    ...options,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  const { origin, protocol } = new URL(url);
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => complaints.push(`console: ${message.text()}`));
  page.on("dialog", (dialog) => complaints.push(`dialog: ${dialog.message()}`));
  page.on("request", (request) => {
    const to = new URL(request.url());
    const isOwn = protocol === "file:" ? request.url() === url.replace(/#.*/, "") : to.origin === origin;
    if (!isOwn && to.protocol !== "data:" && to.protocol !== "blob:") complaints.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}
