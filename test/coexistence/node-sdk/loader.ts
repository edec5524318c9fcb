// With the loader hook before it, by which instrumentation-http patches `node:http` twice and makes two CLIENT spans, also without us. Its spans are asked for before the process ends.
import { trace } from "@opentelemetry/api";
import { register } from "node:module";
import { onFlush } from "./flush.ts";

register("@opentelemetry/instrumentation/hook.mjs", import.meta.url);
await import("@opentelemetry/auto-instrumentations-node/register");

interface Flushes {
  getDelegate(): { forceFlush(): Promise<void> };
}
onFlush(() => (trace.getTracerProvider() as unknown as Flushes).getDelegate().forceFlush());
