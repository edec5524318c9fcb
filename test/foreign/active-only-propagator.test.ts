import { context, trace } from "@opentelemetry/api";
import type { Context, ContextManager, TextMapPropagator } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator, suppressTracing } from "@opentelemetry/core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { instrumentFetch } from "../../src/fetch.ts";
import { injectTraceContext } from "../../src/index.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

const w3c = new W3CTraceContextPropagator();
let refusals = 0;

/** Injects the active context alone, and counts a refusal for any other, as the propagator of @sentry/opentelemetry logs one. */
const activeOnly: TextMapPropagator = {
  inject(given, carrier, setter) {
    if (given === context.active()) w3c.inject(given, carrier, setter);
    else refusals++;
  },
  extract: (given, carrier, getter) => w3c.extract(given, carrier, getter),
  fields: () => w3c.fields(),
};

const LAID_OVER = Symbol("laid over");

/** Activates a context of its own, derived from the given one. */
class Overlaying extends AsyncLocalStorageContextManager implements ContextManager {
  override with<Args extends unknown[], F extends (...args: Args) => ReturnType<F>>(
    given: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: Args
  ): ReturnType<F> {
    return super.with(given.setValue(LAID_OVER, true), fn, thisArg, ...args);
  }
}

let telemetry: TestTelemetry;
let server: TestServer;
let undo: () => void;
beforeAll(async () => void (server = await serve(ROUTES)));
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry({ propagator: activeOnly, contextManager: false });
  context.setGlobalContextManager(new Overlaying().enable());
  undo = instrumentFetch();
  server.requests.length = 0;
  refusals = 0;
});
afterEach(async () => {
  undo();
  await telemetry.stop();
});

const get = async (): Promise<string> => (await fetch(`${server.url}/ok`)).text();

it("activates the span's context for a propagator that injects the active context alone, after one refusal", async () => {
  await get();
  await get();
  const spans = await telemetry.ended(2);
  expect(server.requests.flatMap((request) => server.values("traceparent", request))).toEqual(
    spans.map((span) => traceparentOf(span)),
  );
  expect(refusals).toBe(1);
});

it("does not activate the context again when tracing is suppressed or no span exists", async () => {
  const carrier = {};
  const span = trace.wrapSpanContext({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 });
  injectTraceContext(carrier, suppressTracing(trace.setSpan(context.active(), span)));
  expect(carrier).toEqual({});
  await context.with(suppressTracing(context.active()), get);
  expect(server.values("traceparent")).toEqual([]);
});
