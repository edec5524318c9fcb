import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AGENTS } from "../examples/demo/protocol.ts";
import { drawTrace } from "../examples/demo/tree.ts";
import { findProblems } from "../examples/demo/problems.ts";
import { startView } from "../tools/src/view/server.ts";
import { listen } from "./support/server.ts";
import { until } from "./support/telemetry.ts";

const MAIN = fileURLToPath(new URL("../examples/demo/main.ts", import.meta.url));

// The demo writes trace.html into the current folder.
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "a2a-otel-demo-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly process: ChildProcess;
  /** Resolves when the last process that writes to it has exited. */
  readonly stdout: Promise<string>;
  readonly stderr: Promise<string>;
  readonly code: Promise<number | null>;
}

/** Runs the demo without the OTEL_ variables of this process. */
function runDemo(environment: NodeJS.ProcessEnv = {}): Run {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("OTEL_"));
  const demo = spawn(process.execPath, [MAIN], {
    cwd: folder,
    env: { ...Object.fromEntries(own), ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return {
    process: demo,
    stdout: text(demo.stdout),
    stderr: text(demo.stderr),
    code: once(demo, "close").then(([code]: (number | null)[]) => code ?? null),
  };
}

// Five processes start, which takes long while other tests occupy the processors.
describe("npm run demo", { timeout: 60_000 }, () => {
  it("shows one trace across four agents, A2A, MCP and four clients, and exports it to the backend of the environment", async () => {
    const backend = await startView({ port: 0 });
    const run = runDemo({ OTEL_EXPORTER_OTLP_ENDPOINT: backend.url });
    const [stdout, stderr, code] = await Promise.all([run.stdout, run.stderr, run.code]);
    const spans = backend.store.traces().flatMap((trace) => trace.spans);
    await backend.close();
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(findProblems(spans, AGENTS)).toEqual([]);
    const traceId = spans[0]?.traceId;
    expect(stdout).toContain(drawTrace(spans));
    expect(stdout).toContain(`All ${spans.length} spans of 4 processes have the same trace id.`);
    expect([...stdout.matchAll(/[0-9a-f]{32}/g)].map(([id]) => id)).toEqual([traceId]);
    const page = join(realpathSync(folder), "trace.html");
    expect(stdout).toContain(`Open the trace in a browser: ${page}\n`);
    expect(readdirSync(folder)).toEqual(["trace.html"]);
    const html = readFileSync(page, "utf8");
    for (const { spanId } of spans) expect(html).toContain(`"spanId":"${spanId}"`);
    expect(html).toContain('"cost":{"USD":0.');
    expect(outline(drawTrace(spans))).toEqual([
      "orchestrate orchestrator",
      "|- GET /.well-known/agent-card.json CLIENT orchestrator fetch",
      "|  `- GET /.well-known/agent-card.json SERVER researcher <- remote parent",
      "|- SendMessage CLIENT orchestrator",
      "|  `- POST CLIENT orchestrator fetch",
      "|     `- SendMessage SERVER researcher <- remote parent",
      "|        `- analyze researcher",
      "|           |- GET CLIENT researcher undici",
      "|           |  `- GET /style-guide SERVER writer <- remote parent",
      "|           `- chat stub-model researcher # in / # out",
      "|- SendStreamingMessage CLIENT orchestrator",
      "|  `- POST CLIENT orchestrator fetch",
      "|     `- SendStreamingMessage SERVER researcher <- remote parent",
      "|        `- quote researcher",
      "|           |- chat stub-model researcher # in / # out",
      "|           |- chat stub-model researcher # in / # out",
      "|           `- chat stub-model researcher # in / # out",
      "|- GET /.well-known/agent-card.json CLIENT orchestrator fetch",
      "|  `- GET /.well-known/agent-card.json SERVER writer <- remote parent",
      "`- SendMessage CLIENT orchestrator",
      "   `- POST /rest/message:send CLIENT orchestrator fetch",
      "      `- SendMessage SERVER writer <- remote parent",
      "         `- write report writer",
      "            |- chat stub-model writer # in / # out",
      "            `- POST CLIENT writer axios",
      "               `- POST SERVER checker <- remote parent",
      "                  `- check claims checker",
      "                     `- tools/call notes CLIENT checker",
      "                        `- tools/call notes SERVER checker <- remote parent",
      "                           `- GET CLIENT checker node:http",
      "                              `- GET /notes SERVER researcher <- remote parent",
    ]);
  });

  /** The rows of a drawing, without durations and token counts, which differ from run to run. */
  function outline(drawing: string): string[] {
    const rows = drawing.split("\n").slice(1);
    return rows.map((row) => {
      const [, branch = "", rest = ""] = /^((?:[| ] {2}|[|`]- )*)(.*)$/.exec(row) ?? [];
      const steady = rest.replace(/ +\d+ ms/, "").replaceAll(/\d+ (in|out)/g, "# $1");
      return branch + steady.replaceAll(/ +/g, " ");
    });
  }

  it("completes without a backend that does not respond, and reports that", async () => {
    const silent = await listen(() => {});
    const run = runDemo({ OTEL_EXPORTER_OTLP_ENDPOINT: silent.url });
    const [stdout, stderr, code] = await Promise.all([run.stdout, run.stderr, run.code]);
    await silent.close();
    expect(code).toBe(0);
    expect(stdout).toContain("have the same trace id");
    for (const name of AGENTS) expect(stderr).toContain(`${name}: spans did not reach ${silent.url}: `);
  });

  it("fails if there are several traces, because propagation is off", async () => {
    const run = runDemo({ OTEL_PROPAGATORS: "none" });
    const [stdout, stderr, code] = await Promise.all([run.stdout, run.stderr, run.code]);
    expect(code).toBe(1);
    expect(stdout).not.toContain("have the same trace id");
    expect(stderr).toMatch(/^This is not one trace:\n- expected one trace id, received \d+: /);
  });

  /** Starts the demo, whose processes write `<pid> <script>` to stderr, and waits until all of them run. */
  async function startedDemo(): Promise<Run & { pids: Map<string, number> }> {
    const announce = "data:text/javascript,console.error(process.pid,process.argv[1].replace(/.*[\\\\/]|\\.ts/g,''))";
    const run = runDemo({ NODE_OPTIONS: `--import=${announce}` });
    let output = "";
    run.process.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const pids = (): Map<string, number> =>
      new Map([...output.matchAll(/(\d+) (\w+)\n/g)].map(([, pid, name = ""]) => [name, Number(pid)]));
    await until(() => pids().size === AGENTS.length + 1, 50_000);
    return { ...run, pids: pids() };
  }

  function isRunning(pid: number): boolean {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  }

  it("fails with the name of an agent that dies, and stops the others", async () => {
    const run = await startedDemo();
    process.kill(run.pids.get("checker") as number, "SIGKILL");
    const [stderr, code] = await Promise.all([run.stderr, run.code]);
    expect(stderr).toContain("The demo failed: checker died with SIGKILL.");
    expect(code).toBe(1);
    expect([...run.pids.values()].filter(isRunning)).toEqual([]);
  });

  it("stops its agents when it is killed", async () => {
    const run = await startedDemo();
    run.process.kill("SIGKILL");
    // The pipes close when the last process that holds them has exited.
    await Promise.all([run.stdout, run.stderr]);
    expect(await run.code).toBe(null);
  });
});
