import { createRequire } from "node:module";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLIENTS } from "./clients.ts";
import type { ClientUnderTest } from "./clients.ts";
import { ROUTES, serve } from "./server.ts";
import type { TestServer } from "./server.ts";
import { inSpan, startTelemetry, traceparentOf, until } from "./telemetry.ts";

/** Registers an instrumentation of OpenTelemetry. */
function registerForeign(name: ClientUnderTest["foreign"]): void {
  if (name === "instrumentation-undici") new UndiciInstrumentation();
  else {
    new HttpInstrumentation();
    // The instrumentation patches the module when it is required.
    createRequire(import.meta.url)("node:http");
    createRequire(import.meta.url)("http");
  }
}

/** Tests beside OpenTelemetry's own instrumentation. Each order of registration needs its own process, so each has its own test file. */
export function foreignContract(order: "before" | "after"): void {
  const telemetry = startTelemetry();
  let server: TestServer;
  const calls = new Map<string, ReturnType<ClientUnderTest["traced"]>>();

  const registerAll = (): void => {
    for (const name of new Set(CLIENTS.map((client) => client.foreign))) registerForeign(name);
  };

  beforeAll(async () => {
    if (order === "before") registerAll();
    for (const client of CLIENTS) {
      const call = client.traced();
      calls.set(client.name, call);
    }
    if (order === "after") registerAll();
    server = await serve(ROUTES);
  });
  afterAll(async () => {
    await server.close();
    await telemetry.stop();
  });

  describe.each(CLIENTS)(`$foreign registered ${order} $name`, (client) => {
    it("records a call without the library", async () => {
      telemetry.reset();
      await inSpan("agent", () => client.plain(`${server.url}/ok`));
      await telemetry.settled();
      const foreign = telemetry.spans().find((span) => span.instrumentationScope.name.includes(client.foreign) && span.kind === 2);
      expect(server.values("traceparent")).toEqual([traceparentOf(foreign!)]);
    });

    it.each(["/ok", "/redirect"])("records no span of a traced call to %s, which sends one traceparent per hop", async (path) => {
      telemetry.reset();
      server.requests.length = 0;
      await inSpan("agent", () => calls.get(client.name)!(server.url + path));
      await until(() => telemetry.spans().some((span) => span.name === "agent"));
      await telemetry.settled();
      const clients = telemetry.spans().filter((span) => span.kind === 2);
      expect(clients.map((span) => span.instrumentationScope.name)).toEqual(clients.map(() => "a2a-otel"));
      const issued = clients.map((span) => [traceparentOf(span)]);
      const sent = server.requests.map((request) => server.values("traceparent", request));
      expect(sent).toEqual(issued);
    });

    it("does not suppress the application's spans in a body generator", async () => {
      telemetry.reset();
      const { trace } = await import("@opentelemetry/api");
      const body = (async function* () {
        trace.getTracer("application").startSpan("chunk").end();
        yield Buffer.from("body");
      })();
      await inSpan("agent", () => calls.get(client.name)!(`${server.url}/echo`, { method: "POST", body }));
      await telemetry.settled();
      const spans = telemetry.spans();
      expect(spans.filter((span) => span.name === "chunk")).toHaveLength(1);
      expect(spans.filter((span) => span.kind === 2)).toHaveLength(1);
    });

    it("records its own calls next to traced ones", async () => {
      telemetry.reset();
      await inSpan("agent", async () => {
        await calls.get(client.name)!(`${server.url}/ok`);
        await client.plain(`${server.url}/ok`);
      });
      await telemetry.settled();
      expect(telemetry.spans().filter((span) => span.kind === 2)).toHaveLength(2);
    });
  });
}
