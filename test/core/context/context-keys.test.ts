import type * as Api from "@opentelemetry/api";
import { afterEach, describe, expect, it, vi } from "vitest";

afterEach(() => {
  vi.doUnmock("@opentelemetry/api");
  vi.resetModules();
});

describe("context-keys.ts", () => {
  it("has no key for spans if the OpenTelemetry API does not keep them in the context, and then CallContext sets the span", async () => {
    vi.resetModules();
    vi.doMock("@opentelemetry/api", async (original) => {
      const api = await original<typeof Api>();
      const { getSpan } = api.trace;
      const trace = Object.assign(Object.create(api.trace) as typeof api.trace, {
        // Reads nothing from the probes, which are no contexts of the API.
        getSpan: (context: object) => (context.constructor === Object ? undefined : getSpan(context as never)),
      });
      return { ...api, trace };
    });
    const { SPAN_KEY } = await import("../../../src/core/context/context-keys.ts");
    const { CallContext } = await import("../../../src/core/context/call-context.ts");
    const { INVALID_SPAN_CONTEXT, ROOT_CONTEXT, trace } = await import("@opentelemetry/api");
    expect(SPAN_KEY).toBeUndefined();
    const span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
    expect(trace.getSpan(new CallContext(ROOT_CONTEXT, span, { suppressing: false }))).toBe(span);
  });

  it("has no key, and does not throw, if the OpenTelemetry API throws", async () => {
    vi.resetModules();
    vi.doMock("@opentelemetry/core", async (original) => ({
      ...(await original<object>()),
      suppressTracing: () => {
        throw new Error("broken");
      },
    }));
    const { SUPPRESSION_KEY } = await import("../../../src/core/context/context-keys.ts");
    expect(SUPPRESSION_KEY).toBeUndefined();
    vi.doUnmock("@opentelemetry/core");
  });
});
