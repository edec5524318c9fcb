/** Keeps the spans of the process until the driver asks for them. */
let finished = [];
let open = 0;

export const collector = {
  onStart: () => void open++,
  onEnd(span) {
    open--;
    const { traceId, spanId } = span.spanContext();
    const scope = (span.instrumentationScope ?? span.instrumentationLibrary).name;
    const parentId = span.parentSpanContext?.spanId ?? span.parentSpanId;
    finished.push({ traceId, spanId, parentId, kind: span.kind, name: span.name, scope, attributes: span.attributes });
  },
  forceFlush: async () => {},
  shutdown: async () => {},
};

/** The spans since the last call, once all have ended. */
export async function takeSpans() {
  for (let waited = 0; open > 0 && waited < 4000; waited += 20) await new Promise((resolve) => setTimeout(resolve, 20));
  const spans = finished;
  finished = [];
  return { spans, open };
}
