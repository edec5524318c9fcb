import { ROOT_CONTEXT, TraceFlags, createContextKey, trace } from "@opentelemetry/api";
import { RPCType, deleteRPCMetadata, getRPCMetadata, setRPCMetadata } from "@opentelemetry/core";
import type { RPCMetadata } from "@opentelemetry/core";
import { describe, expect, it } from "vitest";
import { RequestContext } from "../../../src/core/context/request-context.ts";

const spanOf = (spanId: string): ReturnType<typeof trace.wrapSpanContext> =>
  trace.wrapSpanContext({ traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId, traceFlags: TraceFlags.SAMPLED });
const SPAN = spanOf("00f067aa0ba902b7");
const OTHER = spanOf("00f067aa0ba902b8");
const OWN: RPCMetadata = { type: RPCType.HTTP, span: SPAN };
const FOREIGN: RPCMetadata = { type: RPCType.HTTP, span: OTHER };
const KEY = createContextKey("test");
const PARENT = ROOT_CONTEXT.setValue(KEY, "of the parent");

describe.each([
  ["with a span", SPAN],
  ["without a span", undefined],
])("RequestContext %s", (_, span) => {
  const request = new RequestContext(PARENT, span, OWN, undefined);

  it("has the RPC metadata of the request, also after a value was set or deleted", () => {
    expect(getRPCMetadata(request)).toBe(OWN);
    expect(getRPCMetadata(request.setValue(KEY, "changed"))).toBe(OWN);
    expect(getRPCMetadata(request.deleteValue(KEY))).toBe(OWN);
  });

  it("gives way to other RPC metadata and keeps its span and its values", () => {
    const other = setRPCMetadata(request, FOREIGN);
    expect(getRPCMetadata(other)).toBe(FOREIGN);
    expect(trace.getSpan(other)).toBe(span);
    expect(other.getValue(KEY)).toBe("of the parent");
  });

  it("keeps its span and its values when its RPC metadata is deleted", () => {
    const without = deleteRPCMetadata(request);
    expect(getRPCMetadata(without)).toBeUndefined();
    expect(trace.getSpan(without)).toBe(span);
    expect(without.getValue(KEY)).toBe("of the parent");
  });
});
