import { context, propagation } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { afterEach, expect, it } from "vitest";
import { own, propagationStatus } from "../../../src/core/telemetry/propagation-status.ts";
import { clearGlobals, startTelemetry } from "../../support/telemetry.ts";

afterEach(() => {
  clearGlobals();
  own.propagator = false;
  own.contextManager = undefined;
});

const NONE = { fields: [], propagator: "none", contextManager: "none", tracerProvider: "none" };
const FIELDS = ["traceparent", "tracestate"];

/** Registers a propagator and a context manager, as ours or as somebody else's. */
function register(isOurs: boolean): AsyncLocalStorageContextManager {
  const manager = new AsyncLocalStorageContextManager().enable();
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  context.setGlobalContextManager(manager);
  if (isOurs) {
    own.propagator = true;
    own.contextManager = manager;
  }
  return manager;
}

it("nothing is in effect where nobody has set anything, and to ask sets nothing", () => {
  expect(propagationStatus()).toEqual(NONE);
  expect(propagation.setGlobalPropagator(new W3CTraceContextPropagator())).toBe(true);
  expect(propagationStatus()).toEqual({ ...NONE, fields: FIELDS, propagator: "other" });
});

it("what an SDK has set is somebody else's", () => {
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
])("a propagator and a context manager without an SDK are %s", (whose, isOurs) => {
  register(isOurs);
  expect(propagationStatus()).toEqual({ fields: FIELDS, propagator: whose, contextManager: whose, tracerProvider: "none" });
});

it("what was ours and was taken away is none", () => {
  const manager = register(true);
  propagation.disable();
  context.disable();
  manager.enable();
  expect(propagationStatus()).toEqual(NONE);
});

it("a context manager that was put in the place of ours is somebody else's", () => {
  const manager = register(true);
  context.disable();
  manager.enable();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  expect(propagationStatus()).toMatchObject({ propagator: "ours", contextManager: "other" });
});
