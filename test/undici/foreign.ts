import { SpanKind } from "@opentelemetry/api";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { Dispatcher } from "undici";
import { traceInterceptor } from "../../src/undici.ts";
import { ROUTES, serve } from "../support/server.ts";
import { inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import { inTurn, undici } from "./support.ts";

const ours = (count: number): [string[], boolean] => [Array.from({ length: count }, () => "a2a-otel"), true];

/** What holds beside instrumentation-undici, whichever is there first. Each order needs a process of its own. */
export async function besideForeign(order: "before" | "after"): Promise<void> {
  const telemetry = startTelemetry();
  const server = await serve(ROUTES);
  const foreign = order === "before" ? new UndiciInstrumentation() : undefined;
  const traced = traceInterceptor();
  const instrumentation = foreign ?? new UndiciInstrumentation();

  afterAll(async () => {
    instrumentation.disable();
    await server.close();
    await telemetry.stop();
  });
  beforeEach(() => {
    telemetry.reset();
    server.requests.length = 0;
  });

  const read = async (dispatcher: Dispatcher, path: string): Promise<string> => {
    const { body } = await dispatcher.request({ origin: server.url, path, method: "GET" });
    return body.text();
  };
  /** Who made the spans of calls, and whether each request carried the traceparent of one of them, and no other. */
  const told = async (): Promise<[string[], boolean]> => {
    await telemetry.settled();
    const clients = telemetry.spans().filter((span) => span.kind === SpanKind.CLIENT);
    const issued = new Set(clients.map(traceparentOf));
    const sent = server.requests.map((request) => server.values("traceparent", request));
    return [
      clients.map((span) => span.instrumentationScope.name),
      sent.every(([id, ...more]) => more.length === 0 && issued.has(id!)),
    ];
  };

  test("it works: a request without us has its span", async () => {
    await read(new undici.Agent(), "/ok");
    await telemetry.settled();
    const [span] = telemetry.spans();
    expect(span?.instrumentationScope.name).toContain("instrumentation-undici");
    expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
  });

  test("one span and one traceparent for each request, on cold sockets and warm ones", async () => {
    const agent = new undici.Agent({ connections: 1 }).compose(traced);
    await inTurn([1, 2, 3], () => inSpan("agent", () => read(agent, "/ok")));
    expect(await told()).toEqual(ours(3));
  });

  test("the same for attempts, inside of retry and redirect", async () => {
    const agent = new undici.Agent({ connections: 1 }).compose(
      traced,
      undici.interceptors.redirect({ maxRedirections: 3 }),
      undici.interceptors.retry({ minTimeout: 1, maxTimeout: 1, maxRetries: 2 }),
    );
    await read(agent, "/ok");
    await read(agent, "/redirect");
    await read(agent, "/broken").catch(() => {});
    expect(await told()).toEqual(ours(1 + 2 + 3));
  });

  test("the same for requests that wait for a connection", async () => {
    const agent = new undici.Agent({ connections: 1 }).compose(traced);
    await Promise.all(Array.from({ length: 10 }, (_, index) => inSpan(`agent ${index}`, () => read(agent, "/ok"))));
    expect(await told()).toEqual(ours(10));
  });

  test("and outside of retry, where all attempts are one span", async () => {
    const agent = new undici.Agent({ connections: 1 }).compose(
      undici.interceptors.retry({ minTimeout: 1, maxTimeout: 1, maxRetries: 2 }),
      traced,
    );
    await read(agent, "/ok");
    await read(agent, "/broken").catch(() => {});
    expect(await told()).toEqual(ours(2));
  });
}
