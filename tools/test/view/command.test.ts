import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeTraces } from "../../src/view/otlp/encode.ts";
import type { TraceList } from "../../src/view/server/trace-list.ts";
import { listen } from "../../../test/support/server.ts";
import { sampleTrace } from "./sample.ts";

// As it is published.
const COMMAND = new URL("../../dist/view/command.js", import.meta.url).href;
const CODE = `import { viewCommand } from ${JSON.stringify(COMMAND)}; process.exitCode = await viewCommand(process.argv.slice(1));`;

interface Run {
  /** The address that it prints. */
  readonly url: Promise<string>;
  readonly stdout: Promise<string>;
  readonly stderr: Promise<string>;
  readonly code: Promise<number | NodeJS.Signals | null>;
  readonly end: (signal: NodeJS.Signals) => void;
}

function run(...args: string[]): Run {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", CODE, "--", ...args], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  });
  const url = new Promise<string>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(chunk.toString()) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  return {
    url,
    stdout: text(child.stdout),
    stderr: text(child.stderr),
    code: new Promise((resolve) => child.on("close", (code, signal) => resolve(code ?? signal))),
    end: (signal) => child.kill(signal),
  };
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "a2a-otel-view-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const send = (url: string): Promise<Response> =>
  fetch(`${url}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(encodeTraces(sampleTrace())),
  });

describe("a2a-otel-cli view", () => {
  it("prints its address and settings, receives traces, and stops on SIGINT", async () => {
    const prices = file("prices.json", JSON.stringify({ currency: "EUR", models: { "*": { input: 1, output: 1 } } }));
    const view = run("--port", "0", "--max-traces", "5", "--max-spans", "3", "--prices", prices);
    const url = await view.url;
    expect(await (await send(url)).json()).toMatchObject({ partialSuccess: { rejectedSpans: "12" } });
    const list = (await (await fetch(`${url}/api/traces`)).json()) as TraceList;
    expect(list.traces).toMatchObject([
      { name: "plan a journey", spans: 3, usage: { cost: { EUR: expect.any(Number) as number }, unpriced: 0 } },
    ]);
    // A page that is open must not keep it.
    const open = await fetch(`${url}/api/events`);
    view.end("SIGINT");
    expect(await view.code).toBe(0);
    await open.text().catch(() => {});
    expect(await view.stdout).toContain(`  OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n  OTEL_EXPORTER_OTLP_ENDPOINT=${url}\n`);
    expect(await view.stderr).toBe("");
  });

  it("stops on SIGTERM, and logs refused exports", async () => {
    const view = run("--port=0");
    const response = await fetch(`${await view.url}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/grpc" },
      body: "x",
    });
    await response.text();
    view.end("SIGTERM");
    expect(await view.code).toBe(0);
    expect(await view.stderr).toMatch(/^Refused an export: .*OTEL_EXPORTER_OTLP_PROTOCOL=http\/protobuf/);
  });

  it("recommends another port if the port is in use", async () => {
    const taken = await listen(() => {});
    const view = run("--port", String(taken.port));
    expect(await view.code).toBe(1);
    await taken.close();
    expect(await view.stderr).toBe(
      `a2a-otel-cli view: port ${taken.port} is in use, possibly by another a2a-otel-cli view or by a collector. ` +
        `Use another port, such as --port ${taken.port + 1}, or --port 0 for any free port.\n`,
    );
  });

  it("prints its help", async () => {
    const view = run("--help");
    expect(await view.code).toBe(0);
    expect(await view.stdout).toMatch(/^Usage: a2a-otel-cli view \[options\]\n/);
  });

  it.each<[string, string[], RegExp]>([
    ["an unknown option", ["--prot", "1"], /Unknown option '--prot'/],
    ["an invalid port", ["--port", "http"], /--port is "http", but must be an integer, 0 to 65535/],
    ["a port beyond the last", ["--port", "65536"], /--port is "65536"/],
    ["a limit of zero traces", ["--max-traces", "0"], /--max-traces is "0", but must be an integer, 1 or more/],
    ["something else", ["trace.json"], /Unexpected argument 'trace\.json'/],
    ["prices that are not there", ["--prices", "/nowhere/prices.json"], /--prices \/nowhere\/prices\.json: ENOENT/],
  ])("refuses %s", async (_, args, message) => {
    const view = run(...args);
    expect(await view.code).toBe(2);
    expect(await view.stderr).toMatch(message);
    expect(await view.stderr).toMatch(/\nTry a2a-otel-cli view --help\.\n$/);
  });

  it("refuses invalid prices and names the file and the problem", async () => {
    const broken = run("--prices", file("broken.json", "{"));
    const wrong = run("--prices", file("wrong.json", '{"models":{"a":{"input":"1"}}}'));
    expect(await broken.code).toEqual(2);
    expect(await wrong.code).toEqual(2);
    expect(await broken.stderr).toMatch(/--prices .*broken\.json: Expected property name/);
    expect(await wrong.stderr).toMatch(/--prices .*wrong\.json: models\["a"\]\.input is "1"/);
  });
});
