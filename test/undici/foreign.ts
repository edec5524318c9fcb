import { SpanKind } from "@opentelemetry/api";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { afterAll, beforeEach, expect, it } from "vitest";
import type { Dispatcher } from "undici";
import { traceInterceptor } from "../../src/undici.ts";
import { ROUTES, serve } from "../support/server.ts";
import { inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import { inTurn, undici } from "./support.ts";

/** Tests beside instrumentation-undici, registered before or after ours. Each order needs a process of its own. */
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
  /** The scopes of the CLIENT spans, and the requests that did not carry the traceparent of one of them alone. */
  const summary = async (): Promise<object> => {
    await telemetry.settled();
    const clients = telemetry.spans().filter((span) => span.kind === SpanKind.CLIENT);
    const issued = new Set(clients.map(traceparentOf));
    const sent = server.requests.map((request) => server.values("traceparent", request));
    return {
      scopes: clients.map((span) => span.instrumentationScope.name),
      wrongTraceparents: sent.filter((values) => values.length !== 1 || !issued.has(values[0] as string)),
    };
  };
  const ownSpans = (count: number): object => ({ scopes: Array.from({ length: count }, () => "a2a-otel"), wrongTraceparents: [] });

  it("records the requests that are not instrumented by us", async () => {
    await read(new undici.Agent(), "/ok");
    await telemetry.settled();
    const [span] = telemetry.spans();
    expect(span?.instrumentationScope.name).toContain("instrumentation-undici");
    expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
  });

  it("leaves one span and one traceparent a request to us, on cold and warm sockets", async () => {
    const agent = new undici.Agent({ connections: 1 }).compose(traced);
    await inTurn([1, 2, 3], () => inSpan("agent", () => read(agent, "/ok")));
    expect(await summary()).toEqual(ownSpans(3));
  });

  it("leaves one span and one traceparent an attempt to us, below retry and redirect", async () => {
    const agent = new undici.Agent({ connections: 1 }).compose(
      traced,
      undici.interceptors.redirect({ maxRedirections: 3 }),
      undici.interceptors.retry({ minTimeout: 1, maxTimeout: 1, maxRetries: 2 }),
    );
    await read(agent, "/ok");
    await read(agent, "/redirect");
    await read(agent, "/broken").catch(() => {});
    expect(await summary()).toEqual(ownSpans(1 + 2 + 3));
  });

  it("leaves one span and one traceparent a request to us when requests wait for a connection", async () => {
    const agent = new undici.Agent({ connections: 1 }).compose(traced);
    await Promise.all(Array.from({ length: 10 }, (_, index) => inSpan(`agent ${index}`, () => read(agent, "/ok"))));
    expect(await summary()).toEqual(ownSpans(10));
  });

  it("leaves one span for all attempts to us outside of retry", async () => {
    const agent = new undici.Agent({ connections: 1 }).compose(
      undici.interceptors.retry({ minTimeout: 1, maxTimeout: 1, maxRetries: 2 }),
      traced,
    );
    await read(agent, "/ok");
    await read(agent, "/broken").catch(() => {});
    expect(await summary()).toEqual(ownSpans(2));
  });
}
