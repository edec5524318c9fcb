import { EventEmitter } from "node:events";
import { ROOT_CONTEXT, context, createContextKey, trace } from "@opentelemetry/api";
import type { SpanContext } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { hasProcessParent, isProcessRoot, setProcessRoot, withProcessRoot } from "../../../src/core/context/process-root.ts";
import { registerReplaceableContextManager } from "../../../src/core/context/replaceable-context-manager.ts";
import { withoutSpan } from "../../../src/core/context/request-context.ts";
import { propagationStatus, registered } from "../../../src/core/telemetry/propagation-status.ts";
import { clearGlobals } from "../../support/telemetry.ts";

const PARENT: SpanContext = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1, isRemote: true };
const PROCESS_ROOT = trace.setSpanContext(ROOT_CONTEXT, PARENT);
const KEY = createContextKey("test");

beforeEach(() => {
  clearGlobals();
  setProcessRoot(PROCESS_ROOT);
});
afterEach(() => {
  setProcessRoot(ROOT_CONTEXT);
  Reflect.deleteProperty(context, "setGlobalContextManager");
  registered.contextManager = undefined;
  clearGlobals();
});

const ofSdk = (): AsyncLocalStorageContextManager => new AsyncLocalStorageContextManager().enable();

describe("withProcessRoot()", () => {
  it("returns the given context manager if the environment names no trace", () => {
    setProcessRoot(ROOT_CONTEXT);
    const manager = ofSdk();
    expect(withProcessRoot(manager)).toBe(manager);
  });

  it("makes the root of the process active outside of any context", () => {
    const manager = withProcessRoot(ofSdk());
    expect(manager.active()).toBe(PROCESS_ROOT);
    const inner = PROCESS_ROOT.setValue(KEY, 1);
    expect(manager.with(inner, () => manager.active())).toBe(inner);
  });

  it("leaves the root of the process where the application activates ROOT_CONTEXT", () => {
    const manager = withProcessRoot(ofSdk());
    const left = manager.with(ROOT_CONTEXT, () => manager.active());
    expect(trace.getSpanContext(left)).toBeUndefined();
    const bound = manager.bind(ROOT_CONTEXT, () => manager.active());
    expect(trace.getSpanContext(bound())).toBeUndefined();
  });

  it("passes on arguments, this, results and emitters", () => {
    const manager = withProcessRoot(ofSdk());
    const self = { name: "self" };
    function read(this: { name: string }, value: number): unknown[] {
      return [this.name, value];
    }
    expect(manager.with(PROCESS_ROOT, read, self, 42)).toEqual(["self", 42]);
    const emitter = new EventEmitter();
    expect(manager.bind(PROCESS_ROOT, emitter)).toBe(emitter);
  });

  it("is enabled and disabled together with the given context manager", () => {
    const manager = withProcessRoot(ofSdk());
    expect(manager.disable()).toBe(manager);
    expect(manager.enable()).toBe(manager);
  });
});

describe("the root of the process", () => {
  it("is active with the context manager of register, and with that of an SDK which replaces it", () => {
    registerReplaceableContextManager();
    expect(context.active()).toBe(PROCESS_ROOT);
    expect(propagationStatus().contextManager).toBe("ours");
    expect(context.setGlobalContextManager(ofSdk())).toBe(true);
    expect(context.active()).toBe(PROCESS_ROOT);
    expect(propagationStatus().contextManager).toBe("other");
  });

  it("is active with a context manager that was registered before", () => {
    context.setGlobalContextManager(ofSdk());
    registerReplaceableContextManager();
    expect(context.active()).toBe(PROCESS_ROOT);
    expect(propagationStatus().contextManager).toBe("other");
  });

  it("leaves a context manager as it is that is kept in another place, as another version of the API might", () => {
    const manager = ofSdk();
    vi.spyOn(context, "with").mockImplementation((...args) => manager.with(...args));
    vi.spyOn(context, "active").mockImplementation(() => manager.active());
    registerReplaceableContextManager();
    expect(context.active()).toBe(ROOT_CONTEXT);
    vi.restoreAllMocks();
  });

  it("adds nothing to a context manager that was registered before if the environment names no trace", () => {
    setProcessRoot(ROOT_CONTEXT);
    context.setGlobalContextManager(ofSdk());
    registerReplaceableContextManager();
    expect(context.active()).toBe(ROOT_CONTEXT);
  });

  it("is that of no request: nothing of it remains in the context that a caller's is added to", () => {
    expect(withoutSpan(PROCESS_ROOT)).toBe(ROOT_CONTEXT);
    expect(isProcessRoot(PROCESS_ROOT)).toBe(true);
  });

  it("is the parent of calls only where no other span is active", () => {
    expect(hasProcessParent(PROCESS_ROOT.setValue(KEY, 1))).toBe(true);
    expect(hasProcessParent(trace.setSpanContext(PROCESS_ROOT, { ...PARENT, spanId: "c".repeat(16) }))).toBe(false);
    setProcessRoot(ROOT_CONTEXT);
    expect(hasProcessParent(ROOT_CONTEXT)).toBe(false);
  });
});
