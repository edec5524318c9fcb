import { ROOT_CONTEXT, context, createContextKey } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { afterEach, describe, expect, it } from "vitest";
import { registerReplaceableContextManager } from "../../../src/core/context/replaceable-context-manager.ts";
import { hasContextManager } from "../../../src/core/telemetry/tracer.ts";
import { propagationStatus, registered } from "../../../src/core/telemetry/propagation-status.ts";
import { clearGlobals } from "../../support/telemetry.ts";

const VALUE = ROOT_CONTEXT.setValue(createContextKey("test"), "value");

afterEach(() => {
  Reflect.deleteProperty(context, "setGlobalContextManager");
  registered.contextManager = undefined;
  clearGlobals();
});

describe("registerReplaceableContextManager()", () => {
  it("registers a context manager that keeps a context across asynchronous operations", async () => {
    registerReplaceableContextManager();
    expect(propagationStatus().contextManager).toBe("ours");
    const active = await context.with(VALUE, async () => {
      await Promise.resolve();
      return context.active();
    });
    expect(active).toBe(VALUE);
  });

  it("is replaced by the context manager of an SDK that starts later, and that one is kept", () => {
    registerReplaceableContextManager();
    const ofSdk = new AsyncLocalStorageContextManager().enable();
    expect(context.setGlobalContextManager(ofSdk)).toBe(true);
    expect(propagationStatus().contextManager).toBe("other");
    expect(ofSdk.with(VALUE, () => context.active())).toBe(VALUE);
    expect(context.setGlobalContextManager(new AsyncLocalStorageContextManager())).toBe(false);
  });

  it("registers nothing if a context manager works already", () => {
    const ofSdk = new AsyncLocalStorageContextManager().enable();
    context.setGlobalContextManager(ofSdk);
    registerReplaceableContextManager();
    expect(propagationStatus().contextManager).toBe("other");
    expect(Object.hasOwn(context, "setGlobalContextManager")).toBe(false);
  });

  it("keeps a context manager that is registered but does not work", () => {
    context.setGlobalContextManager({
      active: () => ROOT_CONTEXT,
      with: (_context, fn, thisArg, ...args) => fn.apply(thisArg as never, args),
      bind: (_context, target) => target,
      enable: () => undefined as never,
      disable: () => undefined as never,
    });
    registerReplaceableContextManager();
    expect(hasContextManager()).toBe(false);
    expect(registered.contextManager).toBeUndefined();
    expect(Object.hasOwn(context, "setGlobalContextManager")).toBe(false);
  });
});
