import { ROOT_CONTEXT, context, propagation, trace } from "@opentelemetry/api";
import { Agent, interceptors } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { traceInterceptor } from "../../src/undici.ts";
import { serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

const RECEIVED = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ tenant: { value: "acme" } }));
const get = { path: "/", method: "GET" } as const;
const received = (server: TestServer, name: string): unknown[] => server.requests.map(({ headers }) => headers[name]);

let telemetry: TestTelemetry;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(() => telemetry.stop());

describe("an interceptor beneath another interceptor of this package", () => {
  it.each<[string, object, string | undefined]>([
    ["removes what only its own policy forbids", { propagateTo: [] }, undefined],
    ["starts no second span", {}, "tenant=acme"],
  ])("%s", async (_, options, baggage) => {
    const server = await serve({ "/": (_request, response) => response.end("ok") });
    const dispatcher = new Agent().compose(traceInterceptor(options), traceInterceptor());
    await context.with(RECEIVED, async () => {
      const { body } = await dispatcher.request({ ...get, origin: server.url });
      expect(await body.text()).toBe("ok");
    });
    expect(received(server, "baggage")).toEqual([baggage]);
    await telemetry.ended(1);
    await Promise.all([server.close(), dispatcher.close()]);
  });
});

describe("a call that no traceparent identifies", () => {
  beforeEach(() => trace.disable());
  const retry = interceptors.retry({ maxRetries: 2, minTimeout: 1, timeoutFactor: 1 });
  const redirect = interceptors.redirect({ maxRedirections: 3 });

  it.each([
    ["status 503", false],
    ["a reset connection", true],
  ])("sends its baggage again when an inner interceptor retries it after %s", async (_, isReset) => {
    let count = 0;
    const server = await serve({
      "/": (request, response) => {
        if (++count > 1) response.end("ok");
        else if (isReset) request.socket.resetAndDestroy();
        else response.writeHead(503).end();
      },
    });
    const dispatcher = new Agent().compose(retry, traceInterceptor({ baggageTo: new URL(server.url).host }));
    await context.with(RECEIVED, async () => {
      const { body } = await dispatcher.request({ ...get, origin: server.url });
      expect(await body.text()).toBe("ok");
    });
    expect(received(server, "baggage")).toEqual(["tenant=acme", "tenant=acme"]);
    await Promise.all([server.close(), dispatcher.close()]);
  });

  it.each([
    ["the target", [retry, redirect], 1],
    ["the first URL", [redirect, retry], 2],
  ])("sends no baggage past its policy when a redirected request is retried at %s", async (_, inner, attempts) => {
    let count = 0;
    const other = await serve({ "/": (_request, response) => void response.writeHead(++count > 1 ? 200 : 503).end("ok") });
    const ours = await serve({ "/": (_request, response) => response.writeHead(307, { location: other.url }).end() });
    const dispatcher = new Agent().compose(...inner, traceInterceptor({ baggageTo: new URL(ours.url).host }));
    await context.with(RECEIVED, async () => {
      const { body } = await dispatcher.request({ ...get, origin: ours.url });
      expect(await body.text()).toBe("ok");
    });
    expect(received(ours, "baggage")).toEqual(Array<string>(attempts).fill("tenant=acme"));
    expect(received(other, "baggage")).toEqual([undefined, undefined]);
    await Promise.all([ours.close(), other.close(), dispatcher.close()]);
  });
});
