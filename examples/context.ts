import "./tracing.ts";
import { EventEmitter, once } from "node:events";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { trace } from "@opentelemetry/api";
// #region readme
import { context } from "@opentelemetry/api";
import { continueTrace, injectTraceContext } from "a2a-otel";

// A listener runs in the context of the code that emits the event. A bound listener runs in the context in which it was added.
const listen = (emitter: EventEmitter, event: string, listener: (...args: unknown[]) => void): void =>
  void emitter.on(event, context.bind(context.active(), listener));

// A worker thread does not share the context: pass the trace context in a message, as through a queue.
const startThread = (): Worker => new Worker(new URL(import.meta.url), { workerData: { trace: injectTraceContext() } });
const inThread = (work: () => void): void => continueTrace((workerData as { trace: object }).trace, work);
// #endregion

const traceId = (): string => trace.getActiveSpan()?.spanContext().traceId ?? "none";

if (isMainThread) {
  const bus = new EventEmitter();
  await trace.getTracer("example").startActiveSpan("request", async (span) => {
    const compared = (id: string): string => (id === span.spanContext().traceId ? "our trace" : "another trace or none");
    bus.on("done", () => console.log(`plain listener: ${compared(traceId())}`));
    listen(bus, "done", () => console.log(`bound listener: ${compared(traceId())}`));
    const [inWorker] = (await once(startThread(), "message")) as [string];
    console.log(`in the thread: ${compared(inWorker)}`);
    span.end();
  });
  bus.emit("done");
} else {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  inThread(() => parentPort?.postMessage(traceId()));
}
