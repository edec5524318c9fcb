import type nodeHttp from "node:http";
import { createRequire } from "node:module";
import { SpanKind, context, propagation } from "@opentelemetry/api";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instrumentNode } from "../../src/node.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import { WRAPPED } from "./clients.ts";

/** Requests as an application makes them that loads node:http when OpenTelemetry's instrumentation is registered. */
function requests(): Record<string, (url: string) => Promise<string>> {
  const require = createRequire(import.meta.url);
  return {
    fetch: async (url) => (await fetch(url)).text(),
    "http.get": (url) =>
      new Promise((resolve, reject) => {
        const http = require("node:http") as Pick<typeof nodeHttp, "get">;
        http
          .get(url, (response) => {
            let text = "";
            response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
            response.on("end", () => resolve(text));
          })
          .on("error", reject);
      }),
  };
}

/** Tests beside OpenTelemetry's own instrumentation. Each order of registration needs its own process, so each has its own test file. */
export function foreignContract(order: "before" | "after"): void {
  const telemetry = startTelemetry();
  let server: TestServer;
  const instrumentations: (HttpInstrumentation | UndiciInstrumentation)[] = [];
  const registerForeign = (): void => {
    instrumentations.push(new HttpInstrumentation(), new UndiciInstrumentation());
    createRequire(import.meta.url)("node:http");
  };

  beforeAll(async () => {
    if (order === "before") registerForeign();
    instrumentNode({ propagateTo: "127.0.0.1", baggageKeys: ["tenant"] });
    if (order === "after") registerForeign();
    server = await serve(ROUTES);
  });
  beforeEach(() => {
    telemetry.reset();
    server.requests.length = 0;
  });
  afterAll(async () => {
    await server.close();
    await telemetry.stop();
  });

  const clients = () => telemetry.spans().filter(({ kind, attributes }) => kind === SpanKind.CLIENT && "url.full" in attributes);

  describe(`OpenTelemetry's instrumentations, registered ${order} instrumentNode()`, () => {
    it.each(Object.entries(requests()))("give a request of %s one CLIENT span and one traceparent", async (_, get) => {
      // Nothing has requested anything before: the first request must be right too.
      expect(await inSpan("agent", () => get(`${server.url}/ok`))).toBe("hello");
      await telemetry.settled();
      expect(clients()).toHaveLength(1);
      expect(server.values("traceparent")).toEqual([traceparentOf(clients()[0]!)]);
    });

    it.each(Object.entries(requests()))("leave the policy for a request of %s to instrumentNode()", async (_, get) => {
      const baggage = propagation.createBaggage({ tenant: { value: "1" }, secret: { value: "2" } });
      await context.with(propagation.setBaggage(context.active(), baggage), () => get(`${server.url}/ok`));
      await context.with(propagation.setBaggage(context.active(), baggage), () =>
        get(`${server.url.replace("127.0.0.1", "localhost")}/ok`),
      );
      await telemetry.settled();
      const sent = server.requests.map((request) => ({
        traceparent: server.values("traceparent", request).length,
        baggage: server.values("baggage", request),
      }));
      expect(sent).toEqual([
        { traceparent: 1, baggage: ["tenant=1"] },
        { traceparent: 0, baggage: [] },
      ]);
    });

    it.each(Object.entries(WRAPPED))("add nothing to a request of %s", async (_, wrap) => {
      await inSpan("agent", () => wrap()(`${server.url}/redirect`));
      await telemetry.settled();
      expect(clients().map(({ instrumentationScope }) => instrumentationScope.name)).toEqual(["a2a-otel", "a2a-otel"]);
      expect(server.requests.map((request) => server.values("traceparent", request))).toEqual(
        clients().map((span) => [traceparentOf(span)]),
      );
    });

    it("leave requests to instrumentNode() once they are disabled", async () => {
      for (const instrumentation of instrumentations) instrumentation.disable();
      for (const get of Object.values(requests())) {
        // oxlint-disable-next-line no-await-in-loop -- one request after the other
        await get(`${server.url}/ok`);
      }
      await telemetry.settled();
      expect(clients().map(({ instrumentationScope }) => instrumentationScope.name)).toEqual(["a2a-otel", "a2a-otel"]);
    });
  });
}
