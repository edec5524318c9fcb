import "./tracing.ts";
import { EventEmitter, once } from "node:events";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { trace } from "@opentelemetry/api";
// #region readme
import { context } from "@opentelemetry/api";
import { continueTrace, injectTraceContext } from "a2a-otel";

// A listener runs in the context of whoever emits. Bound, it runs in the one in which it was added.
const listen = (emitter: EventEmitter, event: string, listener: (...args: unknown[]) => void): void =>
  void emitter.on(event, context.bind(context.active(), listener));

// A thread shares no context: the trace travels with the message, as it does over a queue.
const startThread = (): Worker => new Worker(new URL(import.meta.url), { workerData: { trace: injectTraceContext() } });
const inThread = (work: () => void): void => continueTrace((workerData as { trace: object }).trace, work);
// #endregion

const traceId = (): string => trace.getActiveSpan()?.spanContext().traceId ?? "none";

if (isMainThread) {
  const bus = new EventEmitter();
  await trace.getTracer("example").startActiveSpan("request", async (span) => {
    bus.on("done", () => console.log(`as added: ${traceId() === span.spanContext().traceId}`));
    listen(bus, "done", () => console.log(`bound: ${traceId() === span.spanContext().traceId}`));
    const [found] = (await once(startThread(), "message")) as [string];
    console.log(`thread: ${found === span.spanContext().traceId}`);
    span.end();
  });
  bus.emit("done");
} else {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  inThread(() => parentPort?.postMessage(traceId()));
}
