import { ProxyTracerProvider, ROOT_CONTEXT, context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { hasContextManager, isNoop, tracerSource } from "../../../src/core/telemetry/tracer.ts";
import { recordDiagnostics } from "../../support/diagnostics.ts";
import type { DiagnosticsRecorder } from "../../support/diagnostics.ts";
import { clearGlobals, startTelemetry } from "../../support/telemetry.ts";

let diagnostics: DiagnosticsRecorder;
beforeEach(() => void (diagnostics = recordDiagnostics()));
afterEach(clearGlobals);

const register = (): void => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

describe("checkContextManager() without a registered context manager", () => {
  it("logs one warning", async () => {
    vi.resetModules();
    const fresh = await import("../../../src/core/telemetry/tracer.ts");
    fresh.checkContextManager();
    fresh.checkContextManager();
    expect(diagnostics.warn.mock.calls).toEqual([
      ["a2a-otel", expect.stringMatching(/^No OpenTelemetry context manager is registered, .* setupPropagation/)],
    ]);
  });
});

describe("hasContextManager()", () => {
  it("is false for a context manager that carries nothing or throws", () => {
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

describe("tracerSource()", () => {
  it("has no tracer until an SDK is registered, and follows a change of the SDK", async () => {
    const tracer = tracerSource(undefined);
    expect(tracer()).toBeUndefined();
    const first = startTelemetry();
    const own = tracer();
    expect(own).toHaveProperty("startSpan");
    expect(tracer()).toBe(own);
    await first.stop();
    const second = startTelemetry();
    tracer()?.startSpan("call").end();
    const [span] = second.own();
    expect(span?.name).toBe("call");
    expect(span?.instrumentationScope.schemaUrl).toMatch(/^https:\/\/opentelemetry\.io\/schemas\//);
  });

  it("prefers the given provider to the global one", () => {
    const given = new ProxyTracerProvider();
    expect(tracerSource(given)()).toBeUndefined();
    startTelemetry();
    expect(tracerSource(given)()).toBeUndefined();
    given.setDelegate(trace.getTracerProvider());
    expect(tracerSource(given)()).toHaveProperty("startSpan");
    expect(isNoop(given)).toBe(false);
    expect(isNoop(new ProxyTracerProvider())).toBe(true);
  });

  it("has no tracer if the provider throws", () => {
    const getTracer = (): never => {
      throw new Error("no tracer");
    };
    expect(tracerSource({ getTracer })()).toBeUndefined();
  });
});
