import { context, propagation } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { afterEach, describe, expect, it } from "vitest";
import { registered, propagationStatus } from "../../../src/core/telemetry/propagation-status.ts";
import { clearGlobals, startTelemetry } from "../../support/telemetry.ts";

afterEach(() => {
  clearGlobals();
  registered.propagator = false;
  registered.contextManager = undefined;
});

const NONE = { fields: [], propagator: "none", contextManager: "none", tracerProvider: "none" };
const FIELDS = ["traceparent", "tracestate"];

/** Registers a propagator and a context manager, as the library or as another package would. */
function register(isOurs: boolean): AsyncLocalStorageContextManager {
  const manager = new AsyncLocalStorageContextManager().enable();
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  context.setGlobalContextManager(manager);
  if (isOurs) {
    registered.propagator = true;
    registered.contextManager = manager;
  }
  return manager;
}

describe("propagationStatus()", () => {
  it("reports none if nothing is registered, and registers nothing itself", () => {
    expect(propagationStatus()).toEqual(NONE);
    expect(propagation.setGlobalPropagator(new W3CTraceContextPropagator())).toBe(true);
    expect(propagationStatus()).toEqual({ ...NONE, fields: FIELDS, propagator: "other" });
  });

  it("reports what an SDK registered as other", () => {
    startTelemetry();
    expect(propagationStatus()).toEqual({
      fields: [...FIELDS, "baggage"],
      propagator: "other",
      contextManager: "other",
      tracerProvider: "other",
    });
  });

  it.each([
    ["ours", true],
    ["other", false],
  ])("reports a propagator and a context manager without an SDK as %s", (whose, isOurs) => {
    register(isOurs);
    expect(propagationStatus()).toEqual({ fields: FIELDS, propagator: whose, contextManager: whose, tracerProvider: "none" });
  });

  it("reports none after the library's registered were unregistered", () => {
    const manager = register(true);
    propagation.disable();
    context.disable();
    manager.enable();
    expect(propagationStatus()).toEqual(NONE);
  });

  it("reports a context manager that replaced the library's registered as other", () => {
    const manager = register(true);
    context.disable();
    manager.enable();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    expect(propagationStatus()).toMatchObject({ propagator: "ours", contextManager: "other" });
  });
});
