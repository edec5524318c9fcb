import { ROOT_CONTEXT, context, propagation, trace } from "@opentelemetry/api";
import type { Context, ContextManager, TextMapPropagator } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PropagationSetup, SetupOptions } from "../src/setup.ts";
import { recordDiagnostics } from "./support/diagnostics.ts";
import type { DiagnosticsRecorder } from "./support/diagnostics.ts";
import { clearGlobals, inSpan, startTelemetry } from "./support/telemetry.ts";

let diagnostics: DiagnosticsRecorder;
/** The levels that the library logs to; the OpenTelemetry API itself logs to `debug`. */
const LEVELS = ["error", "warn", "info"] as const;
const SETUP: PropagationSetup = {
  fields: ["traceparent", "tracestate", "baggage"],
  propagator: "ours",
  contextManager: "ours",
  tracerProvider: "none",
};

beforeEach(() => {
  vi.resetModules();
  diagnostics = recordDiagnostics();
});
afterEach(() => {
  vi.unstubAllEnvs();
  clearGlobals();
});

/** The function of a newly loaded copy of the package. */
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

/** Whether an active context survives an await. */
async function isCarried(): Promise<boolean> {
  const probe = ROOT_CONTEXT.setValue(Symbol("probe"), 1);
  return context.with(probe, async () => {
    await Promise.resolve();
    return context.active() === probe;
  });
}

const B3: TextMapPropagator = { inject: () => {}, extract: (parent) => parent, fields: () => ["b3"] };

describe("setupPropagation() without other registrations", () => {
  it("registers a propagator and a context manager and logs that the propagator of a later SDK is ignored", async () => {
    const setupPropagation = await freshSetup();
    expect(setupPropagation()).toEqual(SETUP);
    expect(await isCarried()).toBe(true);
    expect(await inject()).toEqual({ ...TRACE, ...BAGGAGE });
    expect(diagnostics.info.mock.calls.flat().join()).toContain("an SDK that starts later is ignored");
    expect(diagnostics.messages("error")).toEqual([]);
    expect(diagnostics.messages("warn")).toEqual([]);
  });

  it("changes and logs nothing when called again", async () => {
    const setupPropagation = await freshSetup();
    setupPropagation();
    diagnostics.clear();
    expect(setupPropagation({ propagator: B3 })).toEqual(SETUP);
    for (const level of LEVELS) expect(diagnostics[level]).not.toHaveBeenCalled();
  });

  it("finds what another copy of the package registered", async () => {
    (await freshSetup())();
    expect((await freshSetup())()).toEqual({ ...SETUP, propagator: "other", contextManager: "other" });
    expect(diagnostics.error).not.toHaveBeenCalled();
  });

  it("registers the given propagator", async () => {
    expect((await freshSetup())({ propagator: B3 })).toEqual({ ...SETUP, fields: ["b3"] });
  });

  it("registers no context manager with contextManager: false", async () => {
    expect((await freshSetup())({ contextManager: false })).toEqual({ ...SETUP, contextManager: "none" });
    expect(await isCarried()).toBe(false);
  });
});

describe("setupPropagation() with other registrations", () => {
  it("changes nothing after an SDK has started", async () => {
    const telemetry = startTelemetry();
    expect((await freshSetup())()).toEqual({ ...SETUP, propagator: "other", contextManager: "other", tracerProvider: "other" });
    for (const level of LEVELS) expect(diagnostics[level]).not.toHaveBeenCalled();
    await telemetry.stop();
  });

  it("lets an SDK that starts later register its tracer, which uses the library's context manager", async () => {
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

  it("keeps a registered propagator and registers the context manager", async () => {
    propagation.setGlobalPropagator(B3);
    expect((await freshSetup())()).toEqual({ ...SETUP, fields: ["b3"], propagator: "other" });
    expect(await isCarried()).toBe(true);
  });

  it("keeps a registered context manager and registers the propagator", async () => {
    const manager: ContextManager = new AsyncLocalStorageContextManager().enable();
    context.setGlobalContextManager(manager);
    expect((await freshSetup())()).toEqual({ ...SETUP, contextManager: "other" });
    expect(diagnostics.error).not.toHaveBeenCalled();
  });

  it("completes an SDK without propagator and context manager", async () => {
    trace.setGlobalTracerProvider(new TracerProvider());
    expect((await freshSetup())()).toEqual({ ...SETUP, tracerProvider: "other" });
    expect(diagnostics.info).not.toHaveBeenCalled();
  });
});

describe("OTEL_PROPAGATORS", () => {
  it.each<[string, string[], object]>([
    ["", SETUP.fields, { ...TRACE, ...BAGGAGE }],
    ["tracecontext", ["traceparent", "tracestate"], TRACE],
    ["baggage", ["baggage"], BAGGAGE],
    [" baggage , tracecontext,tracecontext", ["baggage", "traceparent", "tracestate"], { ...TRACE, ...BAGGAGE }],
    ["tracecontext,", ["traceparent", "tracestate"], TRACE],
  ])("selects the propagators of %j", async (names, fields, injected) => {
    vi.stubEnv("OTEL_PROPAGATORS", names);
    expect((await freshSetup())()).toEqual({ ...SETUP, fields });
    expect(await inject()).toEqual(injected);
    expect(diagnostics.warn).not.toHaveBeenCalled();
  });

  it("registers and injects nothing for none", async () => {
    vi.stubEnv("OTEL_PROPAGATORS", "none");
    expect((await freshSetup())()).toEqual({ ...SETUP, fields: [], propagator: "none" });
    expect(await inject()).toEqual({});
    expect(diagnostics.warn).not.toHaveBeenCalled();
  });

  it("skips an unknown name and logs a warning", async () => {
    vi.stubEnv("OTEL_PROPAGATORS", "b3multi,tracecontext");
    expect((await freshSetup())()).toEqual({ ...SETUP, fields: ["traceparent", "tracestate"] });
    expect(diagnostics.warn.mock.calls).toHaveLength(1);
    expect(diagnostics.warn.mock.calls[0]?.join()).toContain('"b3multi"');
  });

  it("registers no propagator if all names are unknown", async () => {
    vi.stubEnv("OTEL_PROPAGATORS", "b3");
    expect((await freshSetup())()).toEqual({ ...SETUP, fields: [], propagator: "none" });
    expect(diagnostics.warn).toHaveBeenCalledTimes(1);
  });

  it("is overridden by a given propagator", async () => {
    vi.stubEnv("OTEL_PROPAGATORS", "tracecontext");
    expect((await freshSetup())({ propagator: B3 })).toMatchObject({ fields: ["b3"], propagator: "ours" });
  });
});

describe("an invalid option", () => {
  it.each<[unknown, string]>([
    [{ propagator: {} }, 'setupPropagation: option "propagator" must be a TextMapPropagator'],
    [{ propagator: { inject: () => {} } }, 'setupPropagation: option "propagator" must be a TextMapPropagator'],
    [{ contextManager: "yes" }, 'setupPropagation: option "contextManager" must be true or false, not "yes"'],
    [{ contextManger: false }, 'setupPropagation: there is no option "contextManger"; the options are propagator, contextManager'],
    [null, "setupPropagation: options must be an object, not null"],
  ])("throws a TypeError and registers nothing: %j", async (options, message) => {
    const setupPropagation = await freshSetup();
    expect(() => setupPropagation(options as SetupOptions)).toThrow(TypeError);
    expect(() => setupPropagation(options as SetupOptions)).toThrow(message);
    expect(propagation.fields()).toEqual([]);
  });
});

it("recognises a context manager that derives a context from the given one", async () => {
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
