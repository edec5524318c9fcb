import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import type { Check, Outcome } from "../apps/checks.ts";
import { runWell } from "../apps/process.ts";
import type { Running } from "../apps/process.ts";
import { serve } from "../support/server.ts";
import { CHROMIUM, launch } from "../../tools/test/view/browser.ts";
import type { Collector } from "./collector.ts";
import { verifyOrigins } from "./origins.ts";
import { closedUrl } from "./runtimes.ts";

/** What a page did, as it tells itself. */
export interface Asked {
  readonly status?: number;
  readonly type?: string;
  readonly text?: string;
  readonly error?: string;
  readonly spans: readonly (Readonly<Record<"name" | "kind" | "status" | "id" | "traceId", string>> & {
    readonly attributes: Readonly<Record<string, unknown>>;
  })[];
}

/** The arguments of a page's `ask`. */
export type Ask = [
  url: string,
  init?: RequestInit,
  how?: { options?: { propagateTo?: string | string[] }; instrumented?: boolean; plain?: boolean },
];

interface Surroundings {
  readonly cwd: string;
  readonly agent: Running;
  readonly collector: Collector;
  readonly check: Check;
  readonly tell: (outcome: Outcome) => void;
}

/**
 * The fetch wrapper in a page of Chromium, which the agent serves: so the agent is of the page's own origin.
 *
 * @returns why it was not run, if it was not.
 */
export async function verifyBrowser({ cwd, agent, collector, check, tell }: Surroundings): Promise<string | undefined> {
  if (CHROMIUM === undefined) return "no Chromium is found; CHROMIUM may name its program";
  await runWell(process.execPath, ["bundle-page.mjs"], { cwd });
  let browser: Browser | undefined;
  await check("starts", async () => void (browser = await launch()));
  if (browser === undefined) return undefined;
  try {
    const page = await browser.newPage();
    await page.goto(`${agent.url}/page`);
    await check("runs the checks", async () => {
      const results = await within<Omit<Outcome, "app">[]>(page, "checks", [await closedUrl()]);
      for (const result of results) tell({ app: "chromium", ...result });
    });
    await check("a page's call and the agent's work are one trace", () => verifyTrace(page, agent, collector));
    await verifyOrigins(page, agent.url, check);
  } finally {
    await browser.close();
  }
  return undefined;
}

/** Calls a function of the page's, by its name. */
export function within<Result>(page: Page, name: string, args: unknown[]): Promise<Result> {
  return page.evaluate(
    ([called, given]) => (globalThis as unknown as Record<string, (...all: unknown[]) => unknown>)[called]?.(...given),
    [name, args] as const,
  ) as Promise<Result>;
}

async function verifyTrace(page: Page, agent: Running, collector: Collector): Promise<string> {
  await collector.spansOf(agent.url); // what was before
  const other = await serve({ "*": (_, response) => void response.end("the end") });
  // An address as pages have it, without an origin.
  const { status, text, spans } = await within<Asked>(page, "ask", [`/chain?to=${other.url}`, {}, { instrumented: true }]);
  assert.deepEqual([status, text, spans.length], [200, "node the end", 1]);
  await within(page, "flush", [collector.url]);
  const received = await collector.spansOf(agent.url);
  assert.equal(received.length, 3);
  // Not in the order of their times: a page's clock is a coarse one.
  const spanOf = (service: string, kind: string) => received.find((span) => span.service === service && span.kind === kind);
  const [call, server, onward] = [spanOf("page", "CLIENT"), spanOf("node", "SERVER"), spanOf("node", "CLIENT")];
  assert.deepEqual(
    [call, server, onward].map((span) => [span?.traceId, span?.parentSpanId]),
    [undefined, call?.spanId, server?.spanId].map((parent) => [spans[0]?.traceId, parent]),
  );
  assert.deepEqual(other.values("traceparent"), [`00-${onward?.traceId}-${onward?.spanId}-01`]);
  await other.close();
  return `${received.length} spans`;
}
