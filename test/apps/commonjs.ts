import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Span } from "../../tools/src/view/span.ts";
import { withBackend } from "./backend.ts";
import type { App, Check } from "./checks.ts";
import { runWell } from "./process.ts";
import { assertWire, textOf } from "./traces.ts";

/** An agent that gets at the package by `require`. */
export const commonjs: App = {
  name: "commonjs",
  verify: async (cwd, check) => {
    await verify(process.execPath, cwd, check, /^$/);
    const oldest = join(cwd, `node_modules/node-22.12-${process.platform}-${process.arch}/bin/node`);
    // Node 22.12 says of each `require` of an ES module that this is experimental; 22.13 says so no longer.
    if (existsSync(oldest)) await verify(oldest, cwd, check, WARNING);
    else await check("Node 22.12", () => "left out: there is no such package for this system");
  },
};

const WARNING =
  /^(?:\(node:\d+\) ExperimentalWarning: .+ is loading ES Module .+ using require\(\)\.\nSupport for .+\n\(Use .+\)\n)?$/;

async function verify(node: string, cwd: string, check: Check, warning: RegExp): Promise<void> {
  const version = (await runWell(node, ["--version"], { cwd })).stdout.trim();

  await check(`${version}: require of every subpath, and a call through each client`, () =>
    withBackend(async ({ environment, spans }) => {
      const { stdout, stderr } = await runWell(node, ["agent.js"], { cwd, env: environment });
      assert.match(stderr, warning);
      const packed = JSON.parse(readFileSync(join(cwd, "node_modules/a2a-otel/package.json"), "utf8")) as { version: string };
      assert.deepEqual(JSON.parse(stdout), {
        answers: ["/fetch", "/undici", "/axios", "/got"],
        functions: true,
        same: true,
        setup: { propagator: "other", contextManager: "other" },
        version: packed.version,
      });
      assert.deepEqual(
        chains(await spans(9)),
        ["/fetch", "/undici", "/axios", "/got"].map((path) => `SERVER ${path} < CLIENT ${path} < work`),
      );
    }),
  );

  await check(`${version}: --require a2a-otel/register`, () =>
    withBackend(async (backend) => {
      const args = ["--require", "a2a-otel/register", "registered.js"];
      const { stdout, stderr } = await runWell(node, args, { cwd, env: backend.environment });
      assert.match(stderr, warning);
      assert.equal(stdout, "hello\n");
      const spans = await backend.spans(2);
      assert.equal(spans.length, 2);
      assertWire(backend, spans);
    }),
  );
}

/** Each SERVER span with what is above it, in one trace. */
function chains(spans: readonly Span[]): string[] {
  const byId = new Map(spans.map((span) => [`${span.traceId} ${span.spanId}`, span]));
  const chain = (span: Span | undefined): string[] =>
    span === undefined ? [] : [nameOf(span), ...chain(byId.get(`${span.traceId} ${span.parentSpanId}`))];
  return spans.filter(({ kind }) => kind === "SERVER").map((span) => chain(span).join(" < "));
}

function nameOf(span: Span): string {
  if (span.kind === "INTERNAL") return span.name;
  return `${span.kind} ${textOf(span, "url.path") || new URL(textOf(span, "url.full")).pathname}`;
}
