import { DiagLogLevel, ProxyTracerProvider, ROOT_CONTEXT, context, diag, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  checkContextManager,
  hasContextManager,
  isNoop,
  onMissingContextManager,
  tracerSource,
} from "../../src/core/telemetry/tracer.ts";
import { clearGlobals, startTelemetry } from "../support/telemetry.ts";

const warn = vi.fn<(...args: unknown[]) => void>();
const quiet = (): void => {};
beforeEach(() => {
  warn.mockReset();
  diag.setLogger({ error: quiet, warn, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.ALL);
  warn.mockReset();
});
afterEach(clearGlobals);

const register = (): void => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

describe("where no context manager is registered", () => {
  it("is warned of once, at the first call", async () => {
    vi.resetModules();
    const fresh = await import("../../src/core/telemetry/tracer.ts");
    fresh.checkContextManager();
    fresh.checkContextManager();
    expect(warn.mock.calls).toEqual([
      ["a2a-otel", expect.stringMatching(/^no OpenTelemetry context manager is registered: .* setupPropagation/)],
    ]);
  });

  it("one is provided by whoever has said so, once, and nothing is warned of", () => {
    const provide = vi.fn(register);
    onMissingContextManager(provide);
    checkContextManager();
    checkContextManager();
    expect(provide).toHaveBeenCalledTimes(1);
    expect(hasContextManager()).toBe(true);
    expect(warn).not.toHaveBeenCalled();
  });

  it("none is provided where there is one", () => {
    const provide = vi.fn(quiet);
    register();
    onMissingContextManager(provide);
    checkContextManager();
    expect(provide).not.toHaveBeenCalled();
  });

  it("a manager that carries nothing, or throws, is none", () => {
    expect(hasContextManager()).toBe(false);
    register();
    expect(hasContextManager()).toBe(true);
    context.disable();
    const broken = new AsyncLocalStorageContextManager();
    broken.with = () => {
      throw new Error("broken");
    };
    context.setGlobalContextManager(broken);
    expect(hasContextManager()).toBe(false);
    expect(context.active()).toBe(ROOT_CONTEXT);
  });
});

describe("the tracer", () => {
  it("is none until an SDK is there, and is asked for again when there is another", async () => {
    const tracer = tracerSource(undefined);
    expect(tracer()).toBeUndefined();
    const first = startTelemetry();
    const own = tracer();
    expect(own).toBeDefined();
    expect(tracer()).toBe(own);
    await first.stop();
    const second = startTelemetry();
    tracer()?.startSpan("call").end();
    expect(second.own().map(({ name, instrumentationScope: { schemaUrl } }) => [name, schemaUrl])).toEqual([
      ["call", expect.stringMatching(/^https:\/\/opentelemetry\.io\/schemas\//)],
    ]);
  });

  it("of the given provider comes before the global one", () => {
    const given = new ProxyTracerProvider();
    expect(tracerSource(given)()).toBeUndefined();
    startTelemetry();
    expect(tracerSource(given)()).toBeUndefined();
    given.setDelegate(trace.getTracerProvider());
    expect(tracerSource(given)()).toBeDefined();
    expect([isNoop(given), isNoop(new ProxyTracerProvider())]).toEqual([false, true]);
  });

  it("of a provider that throws is none", () => {
    const getTracer = (): never => {
      throw new Error("no tracer");
    };
    expect(tracerSource({ getTracer })()).toBeUndefined();
  });
});
