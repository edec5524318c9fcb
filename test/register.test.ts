import { afterEach, describe, expect, it } from "vitest";
import { startChild } from "./support/child.ts";
import type { Child, ChildOptions } from "./support/child.ts";
import { ROUTES, serve } from "./support/server.ts";
import type { TestServer } from "./support/server.ts";
import { send } from "./server/client.ts";

const REGISTER = "./src/register.ts";
const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID = "00f067aa0ba902b7";
const INCOMING = {
  traceparent: `00-${TRACE_ID}-${SPAN_ID}-01`,
  tracestate: "vendor=1,other=2",
  baggage: "who=alice,of=%C3%A4",
};

let last: TestServer | undefined;
let middle: Child | undefined;
afterEach(async () => {
  await middle?.stop();
  await last?.close();
});

const LOGGER = `
  import { DiagConsoleLogger, DiagLogLevel, diag } from "@opentelemetry/api";
  diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);
`;
const SDK = `
  import { context, propagation, trace } from "@opentelemetry/api";
  import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
  import { CompositePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
  import { TracerProvider } from "@opentelemetry/sdk-trace";
  function startSdk() {
    const manager = new AsyncLocalStorageContextManager().enable();
    return {
      provider: trace.setGlobalTracerProvider(new TracerProvider()),
      manager: context.setGlobalContextManager(manager),
      propagator: propagation.setGlobalPropagator(new CompositePropagator({ propagators: [new W3CTraceContextPropagator()] })),
    };
  }
`;
/** A service that responds with the response of the next service, which it requests later and from a body callback. */
const service = (url: string): string => `
  import { createServer } from "node:http";
  import { traceRequests } from "./src/server/node.ts";
  const listener = (request, response) => {
    request.resume().on("end", async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      response.end(await (await fetch("${url}/json")).text());
    });
  };
  const server = createServer(traceRequests(listener)).listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

/** Sends requests through a service in a child process and returns the propagation headers that the last service received. */
async function through(prelude: string, options?: ChildOptions, times = 1): Promise<object[]> {
  last = await serve(ROUTES);
  middle = startChild(prelude + service(last.url), options);
  const url = `http://127.0.0.1:${await middle.line}`;
  for (let count = 0; count < times; count++) {
    // oxlint-disable-next-line no-await-in-loop -- one request after the other
    expect((await send(url, { headers: INCOMING })).body).toBe('{"answer":42}');
  }
  return last.requests.map(({ headers: { traceparent, tracestate, baggage } }) => ({ traceparent, tracestate, baggage }));
}

const SETUP = `
  import { instrumentFetch } from "./src/fetch.ts";
  import { setupPropagation } from "./src/setup.ts";
  setupPropagation();
  instrumentFetch();
`;

describe("a service without an SDK forwards trace context and baggage", () => {
  it("after setupPropagation() and instrumentFetch()", async () => {
    expect(await through(LOGGER + SETUP, {}, 2)).toEqual([INCOMING, INCOMING]);
    expect(middle?.output()).not.toContain("No OpenTelemetry context manager");
  });

  it("with register alone", async () => {
    expect(await through(LOGGER, { imports: [REGISTER] }, 2)).toEqual([INCOMING, INCOMING]);
    expect(middle?.output()).not.toContain("No OpenTelemetry context manager");
  });

  it("with register and setupPropagation()", async () => {
    expect(await through(LOGGER + SETUP, { imports: [REGISTER] })).toEqual([INCOMING]);
  });

  it.each(["baggage", "tracecontext"])("forwards only the format of OTEL_PROPAGATORS=%s", async (name) => {
    const { traceparent, tracestate, baggage } = INCOMING;
    const wanted = name === "baggage" ? { baggage } : { traceparent, tracestate };
    expect(await through(SETUP, { env: { OTEL_PROPAGATORS: name } })).toEqual([wanted]);
  });

  it.each([SETUP, ""])("forwards nothing with OTEL_PROPAGATORS=none", async (prelude) => {
    expect(await through(prelude, { imports: [REGISTER], env: { OTEL_PROPAGATORS: "none" } })).toEqual([{}]);
  });

  it("forwards nothing and warns once without a context manager", async () => {
    const prelude = `${LOGGER} import { instrumentFetch } from "./src/fetch.ts"; instrumentFetch();`;
    expect(await through(prelude, {}, 3)).toEqual([{}, {}, {}]);
    const warnings = middle?.output().match(/No OpenTelemetry context manager is registered.*/g);
    expect(warnings).toHaveLength(1);
    expect(warnings?.[0]).toContain("setupPropagation()");
  });
});

describe("the policy of register", () => {
  const policyOf = (env: Record<string, string>): Promise<object[]> => through("", { imports: [REGISTER], env });
  const { traceparent, tracestate, baggage } = INCOMING;

  it("comes from A2A_OTEL_PROPAGATE_TO and A2A_OTEL_BAGGAGE_TO", async () => {
    expect(await policyOf({ A2A_OTEL_PROPAGATE_TO: "agents.example, *.corp.example", A2A_OTEL_BAGGAGE_TO: "127.0.0.1" })).toEqual([
      { baggage },
    ]);
  });

  it("comes from A2A_OTEL_BAGGAGE_KEYS", async () => {
    expect(await policyOf({ A2A_OTEL_BAGGAGE_KEYS: "who" })).toEqual([{ traceparent, tracestate, baggage: "who=alice" }]);
  });

  it.each(["A2A_OTEL_PROPAGATE_TO", "A2A_OTEL_BAGGAGE_TO"])("ends the process at its start if %s is invalid", async (name) => {
    const child = startChild("console.log('started')", { imports: [REGISTER], env: { [name]: "https://a.example/path" } });
    expect((await child.ended).code).not.toBe(0);
    expect(child.errors()).toContain(`environment variable ${name}`);
    expect(child.output()).not.toContain("started");
  });

  it("gives way to the options of instrumentFetch()", async () => {
    const prelude = `import { instrumentFetch } from "./src/fetch.ts"; instrumentFetch({ propagateTo: "agents.example" });`;
    expect(await through(prelude, { imports: [REGISTER] })).toEqual([{}]);
  });

  it("is intersected with the options of instrumentFetch()", async () => {
    const prelude = `import { instrumentFetch } from "./src/fetch.ts"; instrumentFetch({ propagateTo: "127.0.0.1" });`;
    const env = { A2A_OTEL_PROPAGATE_TO: "agents.example", A2A_OTEL_BAGGAGE_TO: "127.0.0.1" };
    expect(await through(prelude, { imports: [REGISTER], env })).toEqual([{ baggage }]);
  });

  it("gives way to the options of instrumentNode()", async () => {
    const prelude = `import { instrumentNode } from "./src/node.ts"; instrumentNode({ propagateTo: "agents.example" });`;
    expect(await through(prelude, { imports: [REGISTER] })).toEqual([{}]);
  });

  it("conflicts with other options of instrumentNode()", async () => {
    const code = `import { instrumentNode } from "./src/node.ts"; instrumentNode({ propagateTo: "agents.example" });`;
    const child = startChild(code, { imports: [REGISTER], env: { A2A_OTEL_PROPAGATE_TO: "other.example" } });
    expect((await child.ended).code).not.toBe(0);
    expect(child.errors()).toMatch(/instrumentNode: other options are in effect, which instrumentNode\(\) \(.*register\.ts/u);
  });
});

describe("register", () => {
  it("leaves the global fetch and node:http native", async () => {
    const code = `
      import http from "node:http";
      console.log([fetch, http.request, http.get].map((own) => /fetchImpl|ClientRequest|request\\(/.test(String(own))).join());`;
    middle = startChild(code, { imports: [REGISTER] });
    expect(await middle.line).toBe("true,true,true");
  });

  it("traces the calls of clients that are created at module level, also those of node:http", async () => {
    last = await serve(ROUTES);
    const code = `
      import http from "node:http";
      const storedFetch = fetch;
      ${SDK}
      startSdk();
      await (await storedFetch("${last.url}/ok")).text();
      http.get("${last.url}/ok", (response) => response.resume().on("end", () => console.log("done")));`;
    middle = startChild(code, { imports: [REGISTER] });
    expect(await middle.line).toBe("done");
    expect(last.requests.map(({ headers }) => typeof headers["traceparent"])).toEqual(["string", "string"]);
  });

  it("lets an SDK that starts before the first call register everything", async () => {
    const prelude = `${LOGGER + SDK} console.log(JSON.stringify(startSdk()));`;
    last = await serve(ROUTES);
    middle = startChild(prelude + service(last.url), { imports: [REGISTER] });
    expect(JSON.parse(await middle.line)).toEqual({ provider: true, manager: true, propagator: true });
    await expect.poll(() => middle?.output()).toMatch(/\n\d+\n/);
    const port = /\n(\d+)\n/.exec(middle.output())?.[1];
    await send(`http://127.0.0.1:${port}`, { headers: INCOMING });
    const [request] = last.requests;
    expect(request?.headers["traceparent"]).toMatch(new RegExp(`^00-${TRACE_ID}-(?!${SPAN_ID})[\\da-f]{16}-01$`));
    expect(request?.headers).not.toHaveProperty("baggage"); // the SDK's propagator has no baggage
  });

  it("carries the context of a bare TracerProvider from its first span on", async () => {
    const prelude = `
      import { trace } from "@opentelemetry/api";
      import { TracerProvider } from "@opentelemetry/sdk-trace";
      trace.setGlobalTracerProvider(new TracerProvider());
      const traceId = await trace.getTracer("app").startActiveSpan("first", async (span) => {
        await new Promise(setImmediate);
        await fetch(process.env.URL);
        return span.spanContext().traceId;
      });
      console.log(traceId);`;
    last = await serve(ROUTES);
    middle = startChild(prelude, { imports: [REGISTER], env: { URL: `${last.url}/json` } });
    expect(last.requests.map(({ headers }) => headers["traceparent"]?.slice(3, 35))).toEqual([]);
    const traceId = await middle.line;
    expect(last.requests.map(({ headers }) => headers["traceparent"]?.slice(3, 35))).toEqual([traceId]);
  });

  it("lets an SDK that starts after the first call register its tracer and its context manager", async () => {
    const prelude = `${SDK}
      await fetch("data:,x");
      const { provider, manager } = startSdk();
      console.error(JSON.stringify({ provider, manager }));`;
    const [received] = (await through(prelude, { imports: [REGISTER] })) as { traceparent?: string }[];
    expect(received?.traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-(?!${SPAN_ID})[\\da-f]{16}-01$`));
    expect(middle?.output()).toContain('{"provider":true,"manager":true}');
  });

  it("provides a context manager to a queue worker that starts with continueTrace()", async () => {
    last = await serve(ROUTES);
    middle = startChild(
      `import { continueTrace } from "./src/index.ts";
       const carrier = ${JSON.stringify(INCOMING)};
       await continueTrace(carrier, async () => {
         await new Promise((resolve) => setTimeout(resolve, 1));
         return (await fetch("${last.url}/ok")).text();
       });
       console.log("done");`,
      { imports: [REGISTER] },
    );
    expect(await middle.line).toBe("done");
    expect(last.requests[0]?.headers).toMatchObject(INCOMING);
  });

  it("does not keep a program alive that makes no call", async () => {
    middle = startChild('console.log(fetch.name); process.on("exit", () => console.log("gone"));', { imports: [REGISTER] });
    expect(await middle.line).toBe("fetch");
    await expect.poll(() => middle?.output()).toBe("fetch\ngone\n");
  });
});
