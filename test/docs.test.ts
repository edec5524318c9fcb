import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { withFigures } from "../scripts/figures.ts";
import { listen } from "./support/server.ts";

const run = promisify(execFile);
const root = new URL("../", import.meta.url);
const pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...globSync("docs/*.md")];

/** The code blocks of a page, each with the file that the comment above it names. */
function snippets(page: string): { file: string | undefined; code: string }[] {
  const blocks = readFileSync(page, "utf8").matchAll(/(?:<!-- (\S+) -->\n)?```ts\n([\s\S]*?)```/g);
  return [...blocks].map(([, file, code = ""]) => ({ file, code }));
}

describe("code in the documentation", () => {
  it.each(pages.flatMap((page) => snippets(page).map((snippet) => ({ page, ...snippet }))))(
    "$page shows the code of $file",
    ({ file, code }) => {
      expect(file, `this snippet names no file:\n${code}`).toBeDefined();
      expect(readFileSync(file as string, "utf8")).toContain(code);
    },
  );
});

/** The anchors that a code host makes of a page's headings. */
const anchors = (page: string): string[] =>
  [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );

/** The links in a page's text to files and headings that do not exist. `url` is where the page is. */
function brokenLinks(text: string, url: URL): string[] {
  const links = text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g);
  return [...links].flatMap(([, link = "", anchor]) => {
    const target = link === "" ? url : new URL(link, url);
    if (!existsSync(target)) return [link];
    const exists = anchor === undefined || anchors(readFileSync(target, "utf8")).includes(anchor);
    return exists ? [] : [`${link}#${anchor}`];
  });
}

describe("links in the documentation", () => {
  it.each(pages)("%s links only to files and headings that exist", (page) => {
    const url = new URL(page, root);
    expect(brokenLinks(readFileSync(url, "utf8"), url)).toEqual([]);
  });

  it("reports links to a missing file and to a missing heading", () => {
    const text = "[a](docs/missing.md) [b](docs/README.md#missing) [c](docs/README.md)";
    expect(brokenLinks(text, new URL("README.md", root))).toEqual(["docs/missing.md", "docs/README.md#missing"]);
  });

  it("lists every page of docs/ in the table of contents", () => {
    const contents = readFileSync("docs/README.md", "utf8");
    const others = globSync("*.md", { cwd: "docs" }).filter((page) => page !== "README.md");
    expect(others.filter((page) => !contents.includes(`](${page})`))).toEqual([]);
  });
});

describe("figures in README.md", () => {
  const readme = readFileSync("README.md", "utf8");
  const results = readFileSync("benchmarks/RESULTS.md", "utf8");

  it("are those of benchmarks/RESULTS.md (otherwise run: npm run docs:figures)", () => {
    expect(readme).toBe(withFigures(readme, results));
  });

  it("change with benchmarks/RESULTS.md", () => {
    const changed = results.replace(/^(\| fetch +\| sampled +\| )[\d.]+/m, "$19.99");
    expect(withFigures(readme, changed)).toContain("| fetch | 9.99 µs |");
  });
});

const ROOT_CALL = "CLIENT GET (root)";

/** Modules that the examples share, and the one that test/docs-backends.test.ts runs. */
const NOT_RUN_HERE = ["tracing", "a2a-server", "mcp-server", "two-backends"];

const EXAMPLES = [
  { example: "fetch", prints: [ROOT_CALL, "the agent received 00-"] },
  { example: "undici", prints: [ROOT_CALL, "hello"] },
  { example: "axios", prints: [ROOT_CALL, "hello"] },
  { example: "got", prints: [ROOT_CALL, "hello"] },
  { example: "node", prints: [ROOT_CALL, "hello"] },
  { example: "node-sdk", prints: [ROOT_CALL, "hello"] },
  { example: "express", prints: [ROOT_CALL, "SERVER GET /agents/:name (remote parent)", "hello researcher"] },
  { example: "fastify", prints: [ROOT_CALL, "SERVER GET /agents/:name (remote parent)", "hello researcher"] },
  { example: "koa", prints: [ROOT_CALL, "SERVER GET /agents/:name (remote parent)", "hello researcher"] },
  { example: "hono", prints: [ROOT_CALL, "SERVER GET /agents/:name (remote parent)", "hello researcher"] },
  {
    example: "worker",
    prints: [ROOT_CALL, "SERVER GET (remote parent)", "INTERNAL remember researcher (local parent)", "hello researcher"],
  },
  { example: "queue", prints: ["INTERNAL order (root)", "working on an order", "CONSUMER work (remote parent)"] },
  { example: "child-process", prints: ["the child printed: INTERNAL work (remote parent)", "INTERNAL agent (root)"] },
  { example: "a2a", prints: ["CLIENT SendMessage (root)", "SERVER SendMessage (remote parent)", "hello"] },
  {
    example: "a2a-streaming",
    prints: ["SERVER SendStreamingMessage (remote parent)", "TASK_STATE_COMPLETED\nCLIENT SendStreamingMessage (root)"],
  },
  {
    example: "mcp",
    prints: [
      "the agent calls its tools\nSERVER tools/call time (remote parent)",
      "CLIENT tools/call time (local parent)",
      "CLIENT SendMessage (root)",
    ],
  },
  {
    example: "policy",
    prints: [
      "SERVER GET (root)",
      "127.0.0.1 received traceparent: true, baggage: tenant=acme; its handler sees 0 baggage members",
      "localhost received traceparent: false, baggage: undefined; its handler sees 0 baggage members",
    ],
  },
  { example: "streaming", prints: ["data: a time\nCLIENT GET (root)"] },
  { example: "logs-pino", prints: ['"msg":"started"', '"trace_flags":"01","msg":"working"'] },
  { example: "logs-winston", prints: ['"message":"started"', '"message":"working","span_id"'] },
  { example: "standing-streams", prints: ["SERVER GET (remote parent)\nCLIENT GET (root)\nthe stream is still open"] },
  { example: "metrics", prints: ["'http.client.request.duration'", "'http.server.request.duration'"] },
  {
    example: "context",
    prints: ["in the thread: our trace", "plain listener: another trace or none", "bound listener: our trace"],
  },
  { example: "other-client", prints: ["the agent received our trace id: true"] },
  { example: "quick-start", prints: ["name: 'GET'", "kind: 1", "kind: 2"] },
];

async function runExample(example: string): Promise<string> {
  const free = await listen(() => {});
  await free.close();
  const { stdout } = await run(process.execPath, [`examples/${example}.ts`], {
    env: { ...process.env, PORT: String(free.port) },
    timeout: 10_000,
  });
  return stdout.replaceAll(`:${free.port}`, ":8080");
}

/** Gives each hexadecimal id a name that depends only on its place, so that the outputs of two runs can be compared. */
function withStableIds(output: string): string {
  const names = new Map<string, string>();
  return output.replaceAll(/\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b/g, (id) => {
    const name = names.get(id) ?? `id-${names.size + 1}`;
    names.set(id, name);
    return name;
  });
}

describe("examples", () => {
  it.each(EXAMPLES)("runs the example $example", async ({ example, prints }) => {
    const stdout = await runExample(example);
    for (const text of prints) expect(stdout).toContain(text);
  });

  it("shows the output of examples/quick-start.ts in README.md, with some lines left out", async () => {
    const [, shown = ""] =
      /<!-- output of examples\/quick-start\.ts -->\n```text\n([\s\S]*?)```/.exec(readFileSync("README.md", "utf8")) ?? [];
    const expected = withStableIds(shown).trimEnd().split("\n");
    const printed = withStableIds(await runExample("quick-start")).split("\n");
    let position = 0;
    const missing = expected.filter((line) => {
      const found = printed.findIndex((other, index) => index >= position && sameField(other, line));
      if (found !== -1) position = found + 1;
      return found === -1;
    });
    expect(expected.length).toBeGreaterThan(10);
    expect(missing).toEqual([]);
  });

  const files = globSync("examples/*.ts");

  it("are all run by a test", () => {
    const names = files.map((file) => basename(file, ".ts"));
    const covered = EXAMPLES.map(({ example }) => example).concat(NOT_RUN_HERE);
    expect(covered.toSorted()).toEqual(names.toSorted());
  });

  it.each(files)("%s has fewer than 40 lines", (file) => {
    expect(readFileSync(file, "utf8").trimEnd().split("\n").length).toBeLessThan(40);
  });
});

/** Whether two lines of printed fields are the same, apart from the comma at the end. */
function sameField(one: string, other: string): boolean {
  return one.replace(/,$/, "") === other.replace(/,$/, "");
}
