import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { listen } from "./support/server.ts";

const run = promisify(execFile);

/** The code blocks of a page, each with the file that the comment above it names. */
function snippets(page: string): { file: string | undefined; code: string }[] {
  const blocks = readFileSync(page, "utf8").matchAll(/(?:<!-- (\S+) -->\n)?```ts\n([\s\S]*?)```/g);
  return [...blocks].map(([, file, code = ""]) => ({ file, code }));
}

const pages = ["README.md", ...globSync("docs/*.md")];

test.each(pages.flatMap((page) => snippets(page).map((snippet) => ({ page, ...snippet }))))(
  "$page: the code is that of $file",
  ({ file, code }) => {
    expect(file, `a snippet names no file:\n${code}`).toBeDefined();
    expect(readFileSync(file as string, "utf8")).toContain(code);
  },
);

/** The anchors that a code host makes of a page's headings. */
const anchors = (page: string): string[] =>
  [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );

/** The links of a page to files and headings, and which of them lead nowhere. */
function brokenLinks(page: string): string[] {
  const here = new URL(page, new URL("../", import.meta.url));
  const links = readFileSync(here, "utf8").matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g);
  return [...links].flatMap(([, link = "", anchor]) => {
    const target = link === "" ? here : new URL(link, here);
    if (!existsSync(target)) return COMING.has(basename(link)) ? [] : [link];
    const isThere = anchor === undefined || anchors(readFileSync(target, "utf8")).includes(anchor);
    return isThere ? [] : [`${link}#${anchor}`];
  });
}

/** Written apart from the other pages, and checked as soon as they are there. */
const COMING = new Set(["RESULTS.md"]);

test.each([...pages, "SECURITY.md", "CONTRIBUTING.md"])("%s links to what is there", (page) => {
  expect(brokenLinks(page)).toEqual([]);
});

test("each page of docs/ is in its index", () => {
  const index = readFileSync("docs/README.md", "utf8");
  const others = globSync("*.md", { cwd: "docs" }).filter((page) => page !== "README.md");
  expect(others.filter((page) => !index.includes(`](${page})`))).toEqual([]);
});

const LOCAL = (name: string): string => `CLIENT ${name} (root)`;

/** What the examples have in common, and the one that has a test of its own. */
const NO_ROW = ["tracing", "a2a-server", "two-backends"];

const EXAMPLES = [
  { example: "fetch", prints: [LOCAL("GET"), "the agent saw 00-"] },
  { example: "undici", prints: [LOCAL("GET"), "hello"] },
  { example: "axios", prints: [LOCAL("GET"), "hello"] },
  { example: "got", prints: [LOCAL("GET"), "hello"] },
  { example: "express", prints: [LOCAL("GET"), "SERVER GET /agents/:name (remote parent)", "hello researcher"] },
  { example: "fastify", prints: [LOCAL("GET"), "SERVER GET /agents/:name (remote parent)", "hello researcher"] },
  { example: "hono", prints: [LOCAL("GET"), "SERVER GET /agents/:name (remote parent)", "hello researcher"] },
  {
    example: "worker",
    prints: [LOCAL("GET"), "SERVER GET (remote parent)", "INTERNAL remember researcher (local parent)", "hello researcher"],
  },
  { example: "queue", prints: ["INTERNAL order (root)", "working on an order", "CONSUMER work (remote parent)"] },
  { example: "a2a", prints: ["CLIENT SendMessage (root)", "SERVER SendMessage (remote parent)", "hello"] },
  {
    example: "a2a-streaming",
    prints: ["SERVER SendStreamingMessage (remote parent)", "TASK_STATE_COMPLETED\nCLIENT SendStreamingMessage (root)"],
  },
  {
    example: "policy",
    prints: [
      "SERVER GET (root)",
      "127.0.0.1 saw traceparent: true, baggage: tenant=acme, accepted: 0",
      "localhost saw traceparent: false, baggage: undefined, accepted: 0",
    ],
  },
  { example: "streaming", prints: ["data: a time\nCLIENT GET (root)"] },
  { example: "metrics", prints: ["'http.client.request.duration'", "'http.server.request.duration'"] },
  { example: "context", prints: ["thread: true", "as added: false", "bound: true"] },
  { example: "by-hand", prints: ["the agent saw our trace: true"] },
  { example: "first", prints: ["name: 'GET'", "kind: 1", "kind: 2"] },
];

test.each(EXAMPLES)("the example $example runs and prints its spans", async ({ example, prints }) => {
  const free = await listen(() => {});
  await free.close();
  const { stdout } = await run(process.execPath, [`examples/${example}.ts`], {
    env: { ...process.env, PORT: String(free.port) },
    timeout: 10_000,
  });
  for (const text of prints) expect(stdout).toContain(text);
});

const files = globSync("examples/*.ts");

test("each example is run", () => {
  const names = files.map((file) => basename(file, ".ts"));
  expect(
    EXAMPLES.map(({ example }) => example)
      .concat(NO_ROW)
      .toSorted(),
  ).toEqual(names.toSorted());
});

test.each(files)("%s has fewer than 40 lines", (file) => {
  expect(readFileSync(file, "utf8").trimEnd().split("\n").length).toBeLessThan(40);
});
