import { ROOT_CONTEXT, SpanKind, propagation, trace } from "@opentelemetry/api";
import { continueTrace, extractTraceContext, injectTraceContext } from "a2a-otel";
import { wrapFetch } from "a2a-otel/fetch";
import { equal, runAll, sleep } from "./assert.mjs";
import { endedSpan, shape, traceparentOf } from "./spans.mjs";
import { forget, ownSpans } from "./telemetry.mjs";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const STORED = { traceparent: `00-${TRACE}-${PARENT}-01`, baggage: "user=1" };

/** What goes on with a trace later and elsewhere, the same on every runtime. */
export function helperChecks(agent, on) {
  const traced = wrapFetch(globalThis.fetch);
  return runAll(
    {
      "what is stored of a trace is found again": () => {
        const found = extractTraceContext({ Traceparent: STORED.traceparent, Baggage: STORED.baggage }, ROOT_CONTEXT);
        equal(trace.getSpanContext(found)?.traceId, TRACE);
        equal(propagation.getBaggage(found)?.getEntry("user")?.value, "1");
        equal(injectTraceContext({}, found), STORED);
        equal(
          [...injectTraceContext(new Headers(), found)],
          [
            ["baggage", STORED.baggage],
            ["traceparent", STORED.traceparent],
          ],
        );
      },
      "continueTrace: the work's span belongs to the trace, and what it returns is returned": async () => {
        const options = { name: "work", kind: SpanKind.CONSUMER };
        equal(await continueTrace(STORED, async () => sleep(5).then(() => "done"), options), "done");
        const span = await endedSpan();
        equal(shape(span), { name: "work", kind: "CONSUMER", status: "UNSET", attributes: {} });
        equal([span.spanContext().traceId, span.parentSpanContext?.spanId], [TRACE, PARENT]);
      },
      "headers put in by hand become the parent of the call's span": async () => {
        const headers = await (await traced(new URL("/headers", agent).href, { headers: STORED })).json();
        const span = await endedSpan();
        equal([span.spanContext().traceId, span.parentSpanContext?.spanId], [TRACE, PARENT]);
        equal([headers.traceparent, headers.baggage], [[traceparentOf(span)], ["user=1"]]);
      },
      ...(on.contexts && {
        "a call within continued work belongs to it, after awaiting": async () => {
          const headers = await continueTrace(
            STORED,
            async () => {
              await sleep(5);
              return (await traced(new URL("/headers", agent).href)).json();
            },
            { name: "work" },
          );
          const [call, work] = ownSpans();
          equal([call.spanContext().traceId, call.parentSpanContext?.spanId], [TRACE, work.spanContext().spanId]);
          equal([headers.traceparent, headers.baggage], [[traceparentOf(call)], ["user=1"]]);
        },
        "setupPropagation: ours where nothing was": () =>
          equal(on.setup, {
            fields: ["traceparent", "tracestate", "baggage"],
            propagator: "ours",
            contextManager: "ours",
            tracerProvider: "other",
          }),
      }),
    },
    forget,
  );
}
