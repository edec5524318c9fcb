import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { default as tracer } from "dd-trace";
import { onFlush } from "./flush.ts";

tracer.init();
for (const plugin of ["http", "http2", "fetch", "undici", "express", "net", "dns"] as const) tracer.use(plugin, false);
const propagator = new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] });
new tracer.TracerProvider().register({ propagator });
// It sends every two seconds.
onFlush(() => new Promise((resolve) => setTimeout(resolve, 2600)));
