import type { ReceivedSpan } from "../../examples/demo/otlp.ts";

/** A span as the demo's receiver hands it over, with what a test says of it. */
export function received(span: Partial<ReceivedSpan> & { spanId: string }): ReceivedSpan {
  return {
    traceId: "4f1cb27a4f1cb27a4f1cb27a4f1cb27a",
    parentSpanId: undefined,
    remoteParent: false,
    name: span.spanId,
    kind: "INTERNAL",
    service: "orchestrator",
    failed: false,
    start: 0,
    end: 10,
    attributes: {},
    ...span,
  };
}
