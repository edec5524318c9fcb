import { SpanStatusCode } from "@opentelemetry/api";
import { Agent, BalancedPool, fetch as undiciFetch, interceptors } from "undici";
import type { Dispatcher } from "undici";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { traceInterceptor } from "../../src/undici.ts";
import { serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let server: TestServer;
let telemetry: TestTelemetry;
beforeAll(
  async () => void (server = await serve({ "/upload": (request) => request.resume(), "*": (_, response) => response.end("ok") })),
);
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  server.requests.length = 0;
});
afterEach(() => telemetry.stop());

const localhost = (): string => server.url.replace("127.0.0.1", "localhost");

describe("traceInterceptor() after the dns interceptor", () => {
  it("applies the policy to the host name, also when the request goes to its address", async () => {
    const dispatcher = new Agent().compose(interceptors.dns(), traceInterceptor({ propagateTo: "localhost" }));
    const { body } = await dispatcher.request({ origin: localhost(), path: "/", method: "GET" });
    await body.text();
    const [span] = await telemetry.ended(1);
    expect(span?.attributes["server.address"]).toBe("localhost");
    expect(server.values("traceparent")).toEqual([traceparentOf(span!)]);
    await dispatcher.close();
  });

  it("withholds the headers from a host name that the policy does not admit", async () => {
    const dispatcher = new Agent().compose(interceptors.dns(), traceInterceptor({ propagateTo: "127.0.0.1" }));
    const { body } = await dispatcher.request({ origin: localhost(), path: "/", method: "GET" });
    await body.text();
    await telemetry.ended(1);
    expect(server.requests).toHaveLength(1);
    expect(server.values("traceparent")).toEqual([]);
    await dispatcher.close();
  });
});

describe("traceInterceptor() on a BalancedPool", () => {
  const request = async (dispatcher: Dispatcher): Promise<void> => {
    const { body } = await dispatcher.request({ path: "/card", method: "GET" });
    await body.text();
  };

  it.each([
    ["sends trace context to an upstream that the policy admits", { propagateTo: "localhost" }, true],
    ["sends no trace context to an upstream that the policy excludes", { propagateTo: "other.example" }, false],
    ["sends trace context without a policy", {}, true],
  ])("%s, and records its URL", async (_, options, isAdmitted) => {
    const dispatcher = new BalancedPool([localhost()]).compose(traceInterceptor(options));
    await request(dispatcher);
    await request(dispatcher);
    const spans = await telemetry.ended(2);
    expect(spans.map(({ attributes }) => attributes["url.full"])).toEqual([`${localhost()}/card`, `${localhost()}/card`]);
    expect(server.requests).toHaveLength(2);
    const sent = server.requests.map(({ headers }) => headers["traceparent"]);
    expect(sent).toEqual(spans.map((span) => (isAdmitted ? traceparentOf(span) : undefined)));
    await dispatcher.close();
  });
});

describe("undici.fetch over traceInterceptor()", () => {
  const dispatcher = new Agent().compose(traceInterceptor());
  const post = (body: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<unknown> =>
    undiciFetch(`${server.url}/upload`, { method: "POST", body, duplex: "half", dispatcher, signal: signal ?? null });

  it("records an error if the generator of the request body throws", async () => {
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("a");
      throw new RangeError("broken");
    }
    await expect(post(body())).rejects.toThrow(/broken|fetch failed/u);
    const [span] = await telemetry.ended(1);
    expect(span?.status.code).toBe(SpanStatusCode.ERROR);
    expect(span?.attributes["error.type"]).toBe("RangeError");
  });

  it("records no error if the application aborts while the generator is sent", async () => {
    const controller = new AbortController();
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("a");
      controller.abort();
      await new Promise(() => {});
    }
    await expect(post(body(), controller.signal)).rejects.toThrow("aborted");
    const [span] = await telemetry.ended(1);
    expect(span?.status.code).toBe(SpanStatusCode.UNSET);
  });
});
