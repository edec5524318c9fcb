import { ROOT_CONTEXT, context, diag, propagation, trace } from "@opentelemetry/api";
import type { Context, ContextManager, DiagLogger, TextMapPropagator } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Mock } from "vitest";
import type { PropagationSetup, SetupOptions } from "../src/setup.ts";
import { clearGlobals, inSpan, startTelemetry } from "./support/telemetry.ts";

const level = (): Mock<(...args: unknown[]) => void> => vi.fn<(...args: unknown[]) => void>();
const heard = { error: level(), warn: level(), info: level(), debug: level(), verbose: level() };
const SETUP: PropagationSetup = {
  fields: ["traceparent", "tracestate", "baggage"],
  propagator: "ours",
  contextManager: "ours",
  tracerProvider: "none",
};

beforeEach(() => {
  vi.resetModules();
  for (const each of Object.values(heard)) each.mockReset();
  diag.setLogger(heard satisfies DiagLogger);
});
afterEach(() => {
  vi.unstubAllEnvs();
  clearGlobals();
});

/** A copy of the package that nothing has been done with. */
async function freshSetup(): Promise<(options?: SetupOptions) => PropagationSetup> {
  vi.resetModules();
  return (await import("../src/setup.ts")).setupPropagation;
}

async function inject(): Promise<object> {
  const { injectTraceContext } = await import("../src/propagation.ts");
  const parent = trace.setSpanContext(ROOT_CONTEXT, { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1 });
  return injectTraceContext({}, propagation.setBaggage(parent, propagation.createBaggage({ who: { value: "me" } })));
}
const TRACE = { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` };
const BAGGAGE = { baggage: "who=me" };

/** Whether a context outlives an await. */
async function isCarried(): Promise<boolean> {
  const probe = ROOT_CONTEXT.setValue(Symbol("probe"), 1);
  return context.with(probe, async () => {
    await Promise.resolve();
    return context.active() === probe;
  });
}

const B3: TextMapPropagator = { inject: () => {}, extract: (parent) => parent, fields: () => ["b3"] };

describe("where nothing is", () => {
  it("both places are filled, and diag hears that an SDK may come too late", async () => {
    const setupPropagation = await freshSetup();
    expect(setupPropagation()).toEqual(SETUP);
    expect(await isCarried()).toBe(true);
    expect(await inject()).toEqual({ ...TRACE, ...BAGGAGE });
    expect(heard.info.mock.calls.flat().join()).toContain("too late");
    expect([heard.error.mock.calls, heard.warn.mock.calls]).toEqual([[], []]);
  });

  it("again, it changes nothing and is quiet", async () => {
    const setupPropagation = await freshSetup();
    setupPropagation();
    heard.info.mockReset();
    expect(setupPropagation({ propagator: B3 })).toEqual(SETUP);
    for (const each of Object.values(heard)) expect(each).not.toHaveBeenCalled();
  });

  it("another copy of the package finds what the first has set", async () => {
    (await freshSetup())();
    expect((await freshSetup())()).toEqual({ ...SETUP, propagator: "other", contextManager: "other" });
    expect(heard.error).not.toHaveBeenCalled();
  });

  it("a given propagator is set", async () => {
    expect((await freshSetup())({ propagator: B3 })).toEqual({ ...SETUP, fields: ["b3"] });
  });

  it("contextManager: false sets none", async () => {
    expect((await freshSetup())({ contextManager: false })).toEqual({ ...SETUP, contextManager: "none" });
    expect(await isCarried()).toBe(false);
  });
});

describe("beside others", () => {
  it("after an SDK has started, all of its places are left alone", async () => {
    const telemetry = startTelemetry();
    expect((await freshSetup())()).toEqual({ ...SETUP, propagator: "other", contextManager: "other", tracerProvider: "other" });
    for (const each of Object.values(heard)) expect(each).not.toHaveBeenCalled();
    await telemetry.stop();
  });

  it("before an SDK starts: its tracer gets its place, and works in our context manager", async () => {
    const setupPropagation = await freshSetup();
    setupPropagation();
    const telemetry = startTelemetry();
    expect(setupPropagation()).toEqual({ ...SETUP, tracerProvider: "other" });
    await inSpan("outer", async () => {
      await Promise.resolve();
      await inSpan("inner", () => {});
    });
    const [inner, outer] = telemetry.spans();
    expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
    await telemetry.stop();
  });

  it("a propagator that is there stays; only the context manager is missing", async () => {
    propagation.setGlobalPropagator(B3);
    expect((await freshSetup())()).toEqual({ ...SETUP, fields: ["b3"], propagator: "other" });
    expect(await isCarried()).toBe(true);
  });

  it("a context manager that is there stays; only the propagator is missing", async () => {
    const manager: ContextManager = new AsyncLocalStorageContextManager().enable();
    context.setGlobalContextManager(manager);
    expect((await freshSetup())()).toEqual({ ...SETUP, contextManager: "other" });
    expect(heard.error).not.toHaveBeenCalled();
  });

  it("an SDK without propagator and context manager", async () => {
    trace.setGlobalTracerProvider(new TracerProvider());
    expect((await freshSetup())()).toEqual({ ...SETUP, tracerProvider: "other" });
    expect(heard.info).not.toHaveBeenCalled();
  });
});

describe("OTEL_PROPAGATORS is the user's word", () => {
  it.each<[string, string[], object]>([
    ["", SETUP.fields, { ...TRACE, ...BAGGAGE }],
    ["tracecontext", ["traceparent", "tracestate"], TRACE],
    ["baggage", ["baggage"], BAGGAGE],
    [" baggage , tracecontext,tracecontext", ["baggage", "traceparent", "tracestate"], { ...TRACE, ...BAGGAGE }],
    ["tracecontext,", ["traceparent", "tracestate"], TRACE],
  ])("%j", async (names, fields, injected) => {
    vi.stubEnv("OTEL_PROPAGATORS", names);
    expect((await freshSetup())()).toEqual({ ...SETUP, fields });
    expect(await inject()).toEqual(injected);
    expect(heard.warn).not.toHaveBeenCalled();
  });

  it("none: nothing is set, and nothing is written", async () => {
    vi.stubEnv("OTEL_PROPAGATORS", "none");
    expect((await freshSetup())()).toEqual({ ...SETUP, fields: [], propagator: "none" });
    expect(await inject()).toEqual({});
    expect(heard.warn).not.toHaveBeenCalled();
  });

  it("another name is skipped, and diag hears of it", async () => {
    vi.stubEnv("OTEL_PROPAGATORS", "b3multi,tracecontext");
    expect((await freshSetup())()).toEqual({ ...SETUP, fields: ["traceparent", "tracestate"] });
    expect(heard.warn.mock.calls).toHaveLength(1);
    expect(heard.warn.mock.calls[0]?.join()).toContain('"b3multi"');
  });

  it("only names that are not known: no propagator is set", async () => {
    vi.stubEnv("OTEL_PROPAGATORS", "b3");
    expect((await freshSetup())()).toEqual({ ...SETUP, fields: [], propagator: "none" });
    expect(heard.warn).toHaveBeenCalledTimes(1);
  });

  it("a given propagator wins over it, and one that is there too", async () => {
    vi.stubEnv("OTEL_PROPAGATORS", "tracecontext");
    expect((await freshSetup())({ propagator: B3 })).toMatchObject({ fields: ["b3"], propagator: "ours" });
  });
});

describe("a bad option throws a TypeError that names it, and sets nothing", () => {
  it.each<[unknown, string]>([
    [{ propagator: {} }, 'setupPropagation: option "propagator" must be a TextMapPropagator'],
    [{ propagator: { inject: () => {} } }, 'setupPropagation: option "propagator" must be a TextMapPropagator'],
    [{ contextManager: "yes" }, 'setupPropagation: option "contextManager" must be true or false, not "yes"'],
    [{ contextManger: false }, 'setupPropagation: there is no option "contextManger"; the options are propagator, contextManager'],
    [null, "setupPropagation: options must be an object, not null"],
  ])("%j", async (options, message) => {
    const setupPropagation = await freshSetup();
    expect(() => setupPropagation(options as SetupOptions)).toThrow(TypeError);
    expect(() => setupPropagation(options as SetupOptions)).toThrow(message);
    expect(propagation.fields()).toEqual([]);
  });
});

it("a context manager that lays a context of its own over the given one is one", async () => {
  class Wrapping extends AsyncLocalStorageContextManager {
    override with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
      given: Context,
      fn: F,
      self?: ThisParameterType<F>,
      ...args: A
    ): ReturnType<F> {
      return super.with(given.setValue(Symbol("own"), 1), fn, self, ...args);
    }
  }
  context.setGlobalContextManager(new Wrapping().enable());
  expect((await freshSetup())().contextManager).toBe("other");
});
