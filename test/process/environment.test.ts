import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { send } from "../server/client.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { run, stopAll } from "./programs.ts";

const REGISTER = "./src/register.ts";
const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID = "00f067aa0ba902b7";
const ENVIRONMENT = { TRACEPARENT: `00-${TRACE_ID}-${SPAN_ID}-01`, TRACESTATE: "vendor=1", BAGGAGE: "who=alice" };
const HEADERS = { traceparent: ENVIRONMENT.TRACEPARENT, tracestate: "vendor=1", baggage: "who=alice" };

let server: TestServer;
beforeAll(async () => void (server = await serve(ROUTES)));
afterAll(() => server.close());
beforeEach(() => void (server.requests.length = 0));
afterEach(stopAll);

/** The propagation headers of each request that the server has received, in their order. */
const received = (): object[] =>
  server.requests.map(({ headers: { traceparent, tracestate, baggage } }) => ({ traceparent, tracestate, baggage }));
const traceIds = (): string[] => server.requests.map(({ headers }) => String(headers["traceparent"]).slice(3, 35));
const parentIds = (): string[] => server.requests.map(({ headers }) => String(headers["traceparent"]).slice(36, 52));

/** Registers an SDK, and prints the ids of each span that ends. */
const SDK = `
  import { context, propagation, trace } from "@opentelemetry/api";
  import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
  import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
  import { TracerProvider } from "@opentelemetry/sdk-trace";
  trace.setGlobalTracerProvider(new TracerProvider());
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
`;
const SDK_MODULE = `data:text/javascript,${encodeURIComponent(SDK.replaceAll(/from "([^"]+)"/g, (_, name: string) => `from "${import.meta.resolve(name)}"`))}`;
const CALL = `await (await fetch(process.env.URL)).text();`;

/** Runs code to its end. */
async function runToEnd(code: string, env: Record<string, string>, imports: string[] = [REGISTER]): Promise<string> {
  const child = run(code, { URL: `${server.url}/json`, ...env }, imports);
  const { code: exitCode } = await child.ended;
  expect(child.errors()).toBe("");
  expect(exitCode).toBe(0);
  return child.output();
}

describe("a process with register and a trace in its environment", () => {
  it("forwards that trace without an SDK", async () => {
    await runToEnd(CALL, ENVIRONMENT);
    expect(received()).toEqual([HEADERS]);
  });

  it.each(["after", "before"])("continues that trace with an SDK that starts %s register", async (order) => {
    const isAfter = order === "after";
    const code = `
      ${isAfter ? SDK : 'import { trace } from "@opentelemetry/api";'}
      await trace.getTracer("app").startActiveSpan("own", async (span) => {
        ${CALL}
        console.log(JSON.stringify([span.spanContext().traceId, span.parentSpanContext]));
        span.end();
      });
      setTimeout(async () => { ${CALL} }, 1);
    `;
    const output = await runToEnd(code, ENVIRONMENT, isAfter ? [REGISTER] : [SDK_MODULE, REGISTER]);
    const [traceId, parent] = JSON.parse(output) as [string, { spanId: string; isRemote: boolean }];
    expect({ traceId, ...parent }).toMatchObject({ traceId: TRACE_ID, spanId: SPAN_ID, isRemote: true });
    expect(traceIds()).toEqual([TRACE_ID, TRACE_ID]);
    expect(parentIds()).not.toContain(SPAN_ID);
    expect(server.requests.map(({ headers }) => headers["baggage"])).toEqual(["who=alice", "who=alice"]);
  });

  it("sends nothing for code that has left all traces, and for an invalid environment", async () => {
    const left = `import { ROOT_CONTEXT, context } from "@opentelemetry/api"; await context.with(ROOT_CONTEXT, async () => { ${CALL} });`;
    await runToEnd(left, ENVIRONMENT);
    await runToEnd(CALL, { TRACEPARENT: "00-0-0-00", BAGGAGE: "" });
    expect(received()).toEqual([{}, {}]);
  });

  it("prefers the trace of a request, of continueTrace() and of headers set by hand", async () => {
    const other = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const code = `
      import { createServer } from "node:http";
      import { continueTrace } from "./src/index.ts";
      import { traceRequests } from "./src/server/node.ts";
      await continueTrace({ traceparent: "${other}" }, async () => { ${CALL} });
      await (await fetch(process.env.URL, { headers: { traceparent: "${other}" } })).text();
      const agent = createServer(traceRequests(async (_, response) => { ${CALL} response.end(() => agent.close()); }));
      agent.listen(0, "127.0.0.1", () => console.log(agent.address().port));
    `;
    const child = run(code, { URL: `${server.url}/json`, ...ENVIRONMENT }, [REGISTER]);
    await send(`http://127.0.0.1:${await child.line}`, { headers: { traceparent: other } });
    expect(traceIds()).toEqual(["a".repeat(32), "a".repeat(32), "a".repeat(32)]);
  });

  it.each(["node", "express", "fastify"])("keeps its trace and baggage out of requests that it receives with %s", async (kind) => {
    const code = `
      import { createServer } from "node:http";
      import express from "express";
      import fastify from "fastify";
      import * as ofExpress from "./src/server/express.ts";
      import * as ofFastify from "./src/server/fastify.ts";
      import * as ofNode from "./src/server/node.ts";
      const handle = async () => { ${CALL} return "done"; };
      const listener = {
        node: () => ofNode.traceRequests(async (_, response) => response.end(await handle())),
        express: () => express().use(ofExpress.traceRequests(), async (_, response) => response.end(await handle())),
        fastify: async () => {
          const app = fastify();
          app.register(ofFastify.traceRequests);
          app.get("/", handle);
          await app.ready();
          return app.routing;
        },
      };
      const agent = createServer(await listener["${kind}"]());
      agent.listen(0, "127.0.0.1", () => console.log(agent.address().port));
    `;
    const child = run(code, { URL: `${server.url}/json`, ...ENVIRONMENT }, [REGISTER]);
    const url = `http://127.0.0.1:${await child.line}`;
    await send(url, { headers: {} });
    await send(url, { headers: { baggage: "who=bob" } });
    expect(received()).toEqual([{}, { baggage: "who=bob" }]);
  });
});

describe("a chain of processes", () => {
  /** A program that runs a call, and then another program in its own active span. */
  const agent = (next: string): string => `
    import { execFileSync } from "node:child_process";
    ${SDK}
    import { injectEnvironment } from "./src/index.ts";
    await trace.getTracer("app").startActiveSpan("agent", async (span) => {
      ${CALL}
      const next = ${JSON.stringify(next)};
      if (next !== "") {
        const args = ["--import", "${REGISTER}", "--input-type=module-typescript", "--eval", next];
        execFileSync(process.execPath, args, { env: injectEnvironment(), stdio: "inherit" });
      }
      span.end();
      console.log(span.spanContext().spanId + " " + (span.parentSpanContext?.spanId ?? "root"));
    });
  `;

  it("is one trace, in which the span of each process is the parent of the next", async () => {
    const output = await runToEnd(agent(agent(agent(""))), {});
    expect(new Set(traceIds()).size).toBe(1);
    expect(traceIds()).toHaveLength(3);
    const [third, second, first] = output.trim().split("\n").map((line) => line.split(" ")); // prettier-ignore
    expect(first?.[1]).toBe("root");
    expect(second?.[1]).toBe(first?.[0]);
    expect(third?.[1]).toBe(second?.[0]);
  });

  it("includes a stdio server that reads the environment by hand", async () => {
    const stdioServer = `
      import { createInterface } from "node:readline";
      import { context } from "@opentelemetry/api";
      import { extractEnvironment } from "./src/index.ts";
      import { instrumentFetch } from "./src/fetch.ts";
      import { setupPropagation } from "./src/setup.ts";
      setupPropagation();
      instrumentFetch();
      context.with(extractEnvironment(), () => {
        createInterface({ input: process.stdin }).on("line", async (line) => {
          console.log(line + " " + (await (await fetch(process.env.URL)).text()));
        });
      });
    `;
    const client = `
      import { spawn } from "node:child_process";
      import { once } from "node:events";
      ${SDK}
      import { injectEnvironment } from "./src/index.ts";
      await trace.getTracer("app").startActiveSpan("client", async (span) => {
        const args = ["--input-type=module-typescript", "--eval", ${JSON.stringify(stdioServer)}];
        const child = spawn(process.execPath, args, { env: injectEnvironment(), stdio: ["pipe", "pipe", "inherit"] });
        child.stdin.write("ping\\n");
        const [answer] = await once(child.stdout, "data");
        child.stdin.end();
        await once(child, "exit");
        console.log(span.spanContext().traceId + " " + span.spanContext().spanId + " " + answer);
        span.end();
      });
    `;
    const output = await runToEnd(client, {}, []);
    const [, traceId, spanId] = /^(\w{32}) (\w{16}) ping \{"answer":42\}/.exec(output) ?? [];
    expect(received()).toEqual([{ traceparent: `00-${traceId}-${spanId}-01` }]);
  });
});
