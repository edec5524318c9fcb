import assert from "node:assert/strict";
import { cpSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { withBackend } from "./backend.ts";
import type { Backend } from "./backend.ts";
import type { App, Check } from "./checks.ts";
import { run, runWell, startServer } from "./process.ts";
import { ask, assertWire, clientSpan, newCaller, outline, serverSpan } from "./traces.ts";
import type { SpanOutline } from "./traces.ts";

/** A service with all clients in one file, built by a bundler from what its configuration says. */
export function bundledBy(bundler: string, command: readonly string[]): App {
  return { name: bundler, folder: "bundled", verify: (stage, check) => verify(stage, command, check) };
}

async function verify(stage: string, command: readonly string[], check: Check): Promise<void> {
  await check("builds", async () => void (await runWell(process.execPath, command, { cwd: stage })));
  // Where nothing is installed: what a bundle lacks cannot come from anywhere else.
  const home = `${stage}-built`;
  rmSync(home, { recursive: true, force: true });
  cpSync(join(stage, "dist"), home, { recursive: true });
  for (const variant of readdirSync(home)) await verifyVariant(variant, join(home, variant), check);
  rmSync(home, { recursive: true });
}

async function verifyVariant(variant: string, cwd: string, check: Check): Promise<void> {
  const files = readdirSync(cwd).filter((name) => /\.[cm]js$/.test(name));
  const checks: Record<string, readonly [what: string, verify: (cwd: string, file: string, backend: Backend) => unknown]> = {
    app: ["all clients, and errors by their right names", verifyService],
    a2a: ["the errors of the A2A SDK have their codes", verifyA2A],
    registered: ["register is not taken for unused", verifyRegister],
    plugin: ["the fastify plugin keeps what marks it as one", verifyPlugin],
    doctor: ["doctor finds nothing broken", verifyDoctor],
    "axios-required": ["both builds of axios in one file", verifyAxios],
  };
  for (const [entry, [what, verifyEntry]] of Object.entries(checks)) {
    const file = files.find((name) => name.startsWith(`${entry}.`));
    if (file === undefined) continue;
    await check(`${variant}: ${what}`, () => withBackend(async (backend) => void (await verifyEntry(cwd, file, backend))));
  }
  // vite's entries share chunks.
  if (variant.startsWith("vite")) return;
  for (const [entry, absent] of Object.entries(UNUSED)) {
    const file = files.find((name) => name.startsWith(`${entry}.`));
    if (file !== undefined)
      await check(`${variant}: ${entry} has nothing that it does not use`, () => verifyUnused(cwd, file, absent));
  }
}

interface Case {
  readonly client: string;
  readonly path: string;
  readonly answer: { readonly status: number; readonly text: string };
  readonly attributes: Record<string, unknown>;
}

/** What each client is asked for, and what its span must say. */
function cases(): Case[] {
  const failed = (text: string) => ({ status: 502, text });
  const missing = { "http.response.status_code": 404, "error.type": "404" };
  const timeout = { "http.response.status_code": undefined, "error.type": "TimeoutError" };
  // Long enough for the request to leave on a busy machine, since it has to arrive.
  const stall = "stall?timeout=250";
  return [
    ...["fetch", "undici", "axios", "got"].map((client) => ({
      client,
      path: "ok",
      answer: { status: 200, text: "hello" },
      attributes: {},
    })),
    { client: "fetch", path: "missing", answer: { status: 200, text: "missing" }, attributes: missing },
    { client: "undici", path: "missing", answer: { status: 200, text: "missing" }, attributes: missing },
    { client: "axios", path: "missing", answer: failed("AxiosError"), attributes: missing },
    { client: "got", path: "missing", answer: failed("HTTPError"), attributes: missing },
    { client: "fetch", path: stall, answer: failed("TimeoutError"), attributes: timeout },
    { client: "undici", path: stall, answer: failed("TimeoutError"), attributes: timeout },
    // These two clients expose their socket only with the response.
    { client: "axios", path: stall, answer: failed("CanceledError"), attributes: { ...NO_CONNECTION, ...timeout } },
    { client: "got", path: stall, answer: failed("TimeoutError"), attributes: { ...NO_CONNECTION, ...timeout } },
    {
      client: "limited",
      path: "ok",
      answer: failed("QuotaExceeded"),
      attributes: { ...NO_CONNECTION, "http.response.status_code": undefined, "error.type": "QuotaExceeded" },
    },
  ];
}

const NO_CONNECTION = {
  "network.peer.address": undefined,
  "network.peer.port": undefined,
  "network.protocol.version": undefined,
};

async function verifyService(cwd: string, file: string, backend: Backend): Promise<void> {
  const app = await startServer(process.execPath, [file], { cwd, env: backend.environment });
  try {
    for (const { client, path, answer, attributes } of cases()) {
      const caller = newCaller();
      assert.deepEqual(await ask(`${app.url}/${client}/${path}`, caller), answer);
      const spans = await backend.spans(2);
      const [pathname = "", query] = path.split("?");
      const outer = serverSpan(app.url, `/${client}/${pathname}`, undefined, {
        failed: answer.status >= 500,
        attributes: {
          ...(query !== undefined && { "url.query": query }),
          ...(answer.status >= 500 && { "http.response.status_code": answer.status, "error.type": String(answer.status) }),
        },
      });
      const inner = clientSpan(backend.agent, `/${pathname}`, "GET", { failed: "error.type" in attributes, attributes });
      assert.deepEqual(outline(spans, caller), [outer, inner].map(withoutUndefined), `${client} ${path}`);
      if (client !== "limited") assertWire(backend, spans);
    }
    assert.equal(app.output(), `${app.url}\n`);
  } finally {
    await app.stop();
  }
}

/** Attributes that a case takes away. */
function withoutUndefined(span: SpanOutline): SpanOutline {
  return { ...span, attributes: Object.fromEntries(Object.entries(span.attributes).filter(([, value]) => value !== undefined)) };
}

async function verifyA2A(cwd: string, file: string, backend: Backend): Promise<void> {
  const { stdout, stderr } = await runWell(process.execPath, [file], { cwd, env: backend.environment });
  assert.deepEqual({ stdout, stderr }, { stdout: "Task not found: unknown\n", stderr: "" });
  const spans = await backend.spans(4);
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
  assert.deepEqual(
    spans.map(({ kind, name, attributes }) => [kind, name, attributes["error.type"]]),
    [
      ["INTERNAL", "work", undefined],
      ["CLIENT", "GetTask", "-32001"],
      ["CLIENT", "POST", undefined],
      ["SERVER", "GetTask", "-32001"],
    ],
  );
}

async function verifyRegister(cwd: string, file: string, backend: Backend): Promise<void> {
  const { stdout, stderr } = await runWell(process.execPath, [file], { cwd, env: backend.environment });
  assert.deepEqual({ stdout, stderr }, { stdout: "hello\n", stderr: "" });
  const spans = await backend.spans(2);
  assert.deepEqual(
    spans.map(({ kind, name }) => [kind, name]),
    [
      ["INTERNAL", "work"],
      ["CLIENT", "GET"],
    ],
  );
  assertWire(backend, spans);
}

async function verifyPlugin(cwd: string, file: string): Promise<void> {
  assert.equal((await runWell(process.execPath, [file], { cwd })).stdout, "true\n");
}

async function verifyDoctor(cwd: string, file: string, { environment }: Backend): Promise<void> {
  const { stdout, stderr } = await runWell(process.execPath, [file], { cwd, env: environment });
  const report = JSON.parse(stdout) as { ok: boolean; text: string; roundTrip?: { parent: string; sameTrace: boolean } };
  assert.deepEqual({ ok: report.ok, stderr }, { ok: true, stderr: "" }, report.text);
  assert.deepEqual([report.roundTrip?.parent, report.roundTrip?.sameTrace], ["client span", true]);
}

async function verifyAxios(cwd: string, file: string, backend: Backend): Promise<void> {
  const { stdout, stderr } = await run(process.execPath, [file], { cwd, env: backend.environment });
  // No word on diag.
  assert.deepEqual({ stdout, stderr }, { stdout: "true 404\n", stderr: "" });
  const spans = await backend.spans(1);
  assert.equal(spans[0]?.attributes["error.type"], "404");
  assertWire(backend, spans);
}

const OTHER_CLIENTS = ["traceInterceptor", "instrumentAxios", "wrapGot", "traceRequests", "wrapA2AClient", "ClientRequest"];

/** Texts of the package that show that a part of it is in a bundle, which does not use it. */
const UNUSED: Record<string, readonly string[]> = {
  "fetch-only": OTHER_CLIENTS,
  "inject-only": [...OTHER_CLIENTS, "instrumentFetch", "undici:request:create", "api.openai.com", "http.client.request.duration"],
};

function verifyUnused(cwd: string, file: string, absent: readonly string[]): string {
  const text = readFileSync(join(cwd, file), "utf8");
  // Marks would prove nothing if they were in no bundle at all.
  const whole =
    readFileSync(join(cwd, file.replace(/^.*\./, "app.")), "utf8") + readFileSync(join(cwd, file.replace(/^.*\./, "a2a.")), "utf8");
  assert.deepEqual(
    absent.filter((mark) => !whole.includes(mark)),
    [],
  );
  assert.deepEqual(
    absent.filter((mark) => text.includes(mark)),
    [],
  );
  return `${(text.length / 1000).toFixed(1)} kB`;
}
