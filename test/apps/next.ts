import assert from "node:assert/strict";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { withBackend } from "./backend.ts";
import type { Span } from "../../tools/src/view/span.ts";
import type { Backend } from "./backend.ts";
import type { App, Check } from "./checks.ts";
import { runWell, startServer } from "./process.ts";
import { ask, assertWire, clientSpan, newCaller, outline } from "./traces.ts";
import type { SpanOutline } from "./traces.ts";

/** A Next.js service, built by the bundler that `build` names. */
export function nextApp(name: string, build: readonly string[]): App {
  return { name, folder: "next", verify: (stage, check) => verify(stage, build, check) };
}

const NEXT = "node_modules/next/dist/bin/next";
const QUIET = { NEXT_TELEMETRY_DISABLED: "1" };
const NO_SPANS_OF_NEXT = { NEXT_OTEL_FETCH_DISABLED: "1" };

async function verify(cwd: string, build: readonly string[], check: Check): Promise<void> {
  await check("builds", async () => void (await runWell(process.execPath, [NEXT, "build", ...build], { cwd, env: QUIET })));

  await withService(cwd, ["start"], { SDK: "own", ...NO_SPANS_OF_NEXT }, async (service) => {
    await check("a route handler", async () => service.sends("/api/plain", "/ok?plain"));
    await check("an answer from Next's cache has no span", async () => {
      await service.sends("/api/cached", "/ok?cached");
      await service.answers("/api/cached", []);
    });
    await check("a stale answer is renewed in the trace of the request that received it", async () => {
      await service.sends("/api/revalidated", "/ok?revalidated");
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      await service.sends("/api/revalidated", "/ok?revalidated");
    });
    await check("a server component; React asks once for two that want the same", async () =>
      service.sends("/component", "/ok?component", "render route (app) /component"),
    );
    await check("wrapFetch above Next's fetch: still one span, but one for a cached answer too", async () => {
      await service.sends("/api/wrapped", "/ok?wrapped");
      await service.answers("/api/wrapped", [unsent(service.backend, "/ok?wrapped", "executing api route (app) /api/wrapped")]);
    });
    await check("the Edge runtime passes the trace on", async () => service.passesOn("/api/edge"));
  });

  await withService(cwd, ["start"], { SDK: "own" }, async (service) => {
    await check("with Next's own fetch spans, ours is beneath, and alone on the wire", async () => {
      const outer = `fetch GET ${service.backend.agent.url}/ok?cached`;
      const own = { scope: "next.js", name: outer, kind: "CLIENT", failed: false, parent: "executing api route (app) /api/cached" };
      await service.answers("/api/cached", [own, clientSpan(service.backend.agent, "/ok?cached", outer)]);
      await service.answers("/api/cached", [own]);
    });
    await check("with Next's own fetch spans, wrapFetch above them leaves them out", async () =>
      service.sends("/api/wrapped", "/ok?wrapped"),
    );
  });

  await withService(cwd, ["start"], { SDK: "vercel" }, async (service) => {
    await check("beside @vercel/otel, which wraps fetch too", async () => {
      await service.sends("/api/plain", "/ok?plain");
      await service.sends("/component", "/ok?component", "render route (app) /component");
    });
  });

  await withService(cwd, ["start"], { SDK: "none" }, async (service) => {
    await check("without an SDK the trace is passed on, from the first request on", async () => {
      await service.passesOn("/api/plain");
      await service.passesOn("/component");
    });
  });

  if (build.length > 0) return;
  const imported = { SDK: "own", NODE_OPTIONS: "--import a2a-otel/register", ...NO_SPANS_OF_NEXT };
  await withService(cwd, ["dev"], imported, async (service) => {
    await check("next dev, with register imported before it, before and after an edit", async () => {
      await service.sends("/api/plain", "/ok?plain");
      await appendFile(join(cwd, "app/api/plain/route.ts"), "\n// edited\n");
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await service.sends("/api/plain", "/ok?plain");
    });
  });
}

interface Service {
  readonly backend: Backend;
  /** Asks for a path, for which one request leaves, with a span of ours. */
  readonly sends: (path: string, sent: string, parent?: string) => Promise<void>;
  /** Asks for a path, and holds the CLIENT spans of its trace against those expected, and the wire against ours. */
  readonly answers: (path: string, expected: readonly Partial<SpanOutline>[]) => Promise<void>;
  /** Asks for a path, for which a request leaves with the caller's own `traceparent`, and no span of ours. */
  readonly passesOn: (path: string) => Promise<void>;
}

async function withService(
  cwd: string,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  use: (service: Service) => Promise<void>,
): Promise<void> {
  await withBackend(async (backend) => {
    const args = [NEXT, ...command, "--port", "0", "--hostname", "127.0.0.1"];
    const app = await startServer(process.execPath, args, { cwd, env: { ...backend.environment, ...QUIET, ...env } });
    try {
      await use(serviceOf(app.url, backend));
    } catch (error) {
      throw new Error(`next ${command.join(" ")} has printed:\n${app.output()}`, { cause: error });
    } finally {
      await app.stop();
    }
  });
}

function serviceOf(url: string, backend: Backend): Service {
  const { agent } = backend;
  const answers: Service["answers"] = async (path, expected) => {
    const caller = newCaller();
    const { status, text } = await ask(url + path, caller);
    assert.equal(status, 200, text);
    assert.match(text, /hello/);
    const spans = await backend.spans(1 + expected.length, isCall);
    const [server, ...clients] = outline(spans, caller, isCall);
    assert.deepEqual({ ...server, attributes: {} }, { ...SERVER, name: `GET ${path}` });
    assert.deepEqual(
      clients.map((span) => (span.scope === "next.js" ? withoutAttributes(span) : asMade(span))),
      expected,
    );
    assertWire(
      backend,
      spans.filter(({ attributes }) => attributes["network.peer.port"] !== undefined),
    );
  };
  return {
    backend,
    answers,
    sends: (path, sent, parent = `executing api route (app) ${path}`) => answers(path, [clientSpan(agent, sent, parent)]),
    passesOn: async (path) => {
      const caller = newCaller();
      assert.equal((await ask(url + path, caller)).status, 200);
      const spans = await backend.spans(0, isCall);
      assert.deepEqual(
        spans.filter(({ scope }) => scope.name === "a2a-otel"),
        [],
      );
      const wire = agent.requests.splice(0).map((request) => agent.values("traceparent", request));
      assert.deepEqual(wire, [[caller.traceparent]]);
    },
  };
}

const SERVER: SpanOutline = { scope: "next.js", name: "", kind: "SERVER", failed: false, parent: "caller", attributes: {} };

/** Next.js has many spans of its own within a request; here it is about those of what came in and what went out. */
function isCall({ kind }: Span): boolean {
  return kind === "SERVER" || kind === "CLIENT";
}

function withoutAttributes({ scope, name, kind, failed, parent }: SpanOutline): Partial<SpanOutline> {
  return { scope, name, kind, failed, parent };
}

/** A span without what the processors of @vercel/otel write on every span. */
function asMade(span: SpanOutline): SpanOutline {
  return withoutSome(span, (name) => name === "operation.name");
}

/** The span of a call that was answered without a request. */
function unsent({ agent }: Backend, path: string, parent: string): SpanOutline {
  return withoutSome(clientSpan(agent, path, parent), (name) => name.startsWith("network."));
}

function withoutSome(span: SpanOutline, left: (name: string) => boolean): SpanOutline {
  return { ...span, attributes: Object.fromEntries(Object.entries(span.attributes).filter(([name]) => !left(name))) };
}
