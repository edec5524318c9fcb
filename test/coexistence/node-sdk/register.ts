// Without code, as `node --import @opentelemetry/auto-instrumentations-node/register`; its spans are asked for before the process ends.
import { trace } from "@opentelemetry/api";
import "@opentelemetry/auto-instrumentations-node/register";
import { onFlush } from "./flush.ts";

interface Flushes {
  getDelegate(): { forceFlush(): Promise<void> };
}
onFlush(() => (trace.getTracerProvider() as unknown as Flushes).getDelegate().forceFlush());
