import assert from "node:assert/strict";
import { withBackend } from "./backend.ts";
import type { Backend } from "./backend.ts";
import type { App, Check } from "./checks.ts";
import { startServer } from "./process.ts";
import { ask, assertWire, clientSpan, newCaller, outline, serverSpan } from "./traces.ts";

/** What differs between web frameworks. */
interface WebApp {
  readonly name: string;
  /** The clients for which there is a route `/call/<client>/:path`. */
  readonly clients: readonly string[];
  /** The route as the framework tells it. */
  readonly route: (client: string) => string;
  /** `error.type` of a request that was answered with 502 because a handler has thrown axios's error. Default: the status. */
  readonly errorType?: string;
}

/** An app of a web framework: `app.js`, whose routes ask the agent for a path. */
export function webApp(app: WebApp): App {
  return { name: app.name, verify: (stage, check) => withBackend((backend) => verify(stage, backend, check, app)) };
}

async function verify(cwd: string, backend: Backend, check: Check, { clients, route, errorType = "502" }: WebApp): Promise<void> {
  const { agent } = backend;
  const app = await startServer(process.execPath, ["app.js"], { cwd, env: backend.environment });
  try {
    for (const client of clients) {
      await check(`a call through ${client}`, async () => {
        const caller = newCaller();
        const path = `/call/${client}/ok`;
        assert.deepEqual(await ask(app.url + path, caller), { status: 200, text: "hello" });
        const spans = await backend.spans(2);
        const outer = serverSpan(app.url, path, route(client));
        assert.deepEqual(outline(spans, caller), [outer, clientSpan(agent, "/ok", outer.name)]);
        assertWire(backend, spans);
      });
    }

    await check("a call that fails, and the framework's own error handler", async () => {
      const caller = newCaller();
      const path = "/call/rejected/missing";
      assert.deepEqual(await ask(app.url + path, caller), { status: 502, text: "AxiosError" });
      const spans = await backend.spans(2);
      const outer = serverSpan(app.url, path, route("rejected"), {
        failed: true,
        attributes: { "http.response.status_code": 502, "error.type": errorType },
      });
      const inner = clientSpan(agent, "/missing", outer.name, {
        failed: true,
        attributes: { "http.response.status_code": 404, "error.type": "404" },
      });
      assert.deepEqual(outline(spans, caller), [outer, inner]);
      assertWire(backend, spans);
    });

    // No more of them: the exporter drops what exceeds 30 exports at once, and each span is one.
    await check("many callers at once, each in a trace of its own", async () => {
      const callers = Array.from({ length: 10 }, newCaller);
      await Promise.all(callers.map((caller, index) => ask(`${app.url}/call/${clients[index % clients.length]}/ok`, caller)));
      const spans = await backend.spans(20);
      for (const caller of callers) {
        const parents = outline(
          spans.filter(({ traceId }) => traceId === caller.traceId),
          caller,
        ).map(({ kind, parent }) => `${kind} of ${parent}`);
        assert.equal(parents.length, 2);
        assert.equal(parents[0], "SERVER of caller");
        assert.match(parents[1] ?? "", /^CLIENT of GET /);
      }
      agent.requests.splice(0);
    });

    await check("prints nothing but its address", () => assert.equal(app.output(), `${app.url}\n`));
  } finally {
    await app.stop();
  }
}
