import { execFile, spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { npm, pack, packTools } from "../../test/matrix/install.ts";
import { encodeTraces } from "../src/view/otlp/encode.ts";
import { sampleTrace } from "./view/sample.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

// Bytes. A budget is what was measured, with a little headroom.
const PACKED = 103_000;
const UNPACKED = 310_000;

/** What the packages need, from this project's own `node_modules`: npm finds no other version without a network. */
const DEPENDENCIES = [
  ...["api", "context-async-hooks", "core", "semantic-conventions"].map((name) => `@opentelemetry/${name}`),
  "@hono/node-server",
  "hono",
  "protobufjs",
  "long",
  "zod",
].map((name) => join(root, "node_modules", name));

/** A folder outside of this project in which npm has installed both packages. */
const folder = realpathSync(mkdtempSync(join(tmpdir(), "a2a-otel-cli-package-")));
const installed = join(folder, "node_modules/a2a-otel-cli");
let tarball: string;

beforeAll(async () => {
  writeFileSync(join(folder, "package.json"), '{ "name": "user", "private": true, "type": "module" }');
  tarball = await packTools(folder);
  const library = await pack(folder);
  await npm(folder, "install", "--offline", "--install-links", "--strict-peer-deps", ...DEPENDENCIES, library, tarball);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Environment variables without those that would change what the commands report. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:OTEL_|NODE_OPTIONS|npm_)/i.test(name)));
}

describe("the packed package a2a-otel-cli", () => {
  it("contains the built files and the pages for users only", () => {
    const files = globSync("**/*.*", { cwd: installed }).map((file) => file.replaceAll("\\", "/"));
    const unexpected = files.filter(
      (file) =>
        !/^(?:package\.json|README\.md|CHANGELOG\.md|dist\/.+\.(?:c?js|d\.ts)|dist\/view\/page\/(?:style\.css|LICENSES\.txt))$/.test(
          file,
        ),
    );
    expect(unexpected).toEqual([]);
    expect(files).toEqual(
      expect.arrayContaining(["README.md", "CHANGELOG.md", "dist/cli.js", "dist/doctor.d.ts", "dist/doctor/command/preload.cjs"]),
    );
  });

  it("contains every file that another file imports", () => {
    const missing = globSync("dist/**/*.js", { cwd: installed }).flatMap((file) => {
      const imports = readFileSync(join(installed, file), "utf8").matchAll(/(?:from|import|import\()\s*"(\.[^"]+)"/g);
      return [...imports].map(([, name = ""]) => join(installed, file, "..", name)).filter((path) => globSync(path).length === 0);
    });
    expect(missing).toEqual([]);
  });

  it("is small", () => {
    const sizes = globSync("**/*.*", { cwd: installed }).map((file) => statSync(join(installed, file)).size);
    expect(statSync(tarball).size).toBeLessThan(PACKED);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(UNPACKED);
  });

  it("runs `npx a2a-otel-cli doctor app.js` with the application's copy of the library", async () => {
    writeFileSync(
      join(folder, "app.js"),
      `import { instrumentFetch } from "a2a-otel/fetch";
       import { setupPropagation } from "a2a-otel/setup";
       import { createServer } from "node:http";
       setupPropagation();
       instrumentFetch();
       createServer(() => {}).listen(0, "127.0.0.1");`,
    );
    const args = ["--no", "a2a-otel-cli", "doctor", "--wait", "100", "app.js"];
    const { stdout } = await run("npx", args, { cwd: folder, env: environment() });
    expect(stdout).toContain("arrived");
    expect(stdout).toMatch(/\n0 errors, 1 warning\.\n$/);
  }, 60_000);

  it("runs `npx a2a-otel-cli view`, which receives and serves traces", async () => {
    const view = spawn("npx", ["--no", "a2a-otel-cli", "view", "--port", "0"], {
      cwd: folder,
      env: environment(),
      detached: true,
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const url = await new Promise<string>((resolve, reject) => {
        let output = "";
        view.stdout.setEncoding("utf8").on("data", (text: string) => {
          output += text;
          const found = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0];
          if (found !== undefined) resolve(found);
        });
        view.once("error", reject);
        view.once("exit", (code) => reject(new Error(`the view ended with code ${code}: ${output}`)));
      });
      const page = await (await fetch(url)).text();
      expect(page).toContain("<title>Traces</title>");
      const headers = { "content-type": "application/json" };
      const received = await fetch(`${url}/v1/traces`, {
        method: "POST",
        headers,
        body: JSON.stringify(encodeTraces(sampleTrace())),
      });
      expect(received.status).toBe(200);
    } finally {
      const ended = new Promise((resolve) => view.once("close", resolve));
      // The group of the process, because npm does not pass the signal on.
      process.kill(-(view.pid as number), "SIGTERM");
      await ended;
    }
  }, 60_000);
});
