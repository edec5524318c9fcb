// Loaded with `--import` before fastify's tests: each app that they create registers the plugin first.
import { createRequire } from "node:module";
import { trace, context, propagation } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { traceRequests } from "../../../src/server/fastify.ts";

trace.setGlobalTracerProvider(new TracerProvider({}));
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());

const load = createRequire(import.meta.url);
const path = load.resolve("fastify");
const fastify = load(path);
/** A function and no arrow function, because some tests call it with `new`. */
function traced(...options) {
  const app = fastify(...options);
  app.register(traceRequests);
  return app;
}
Object.assign(traced, fastify);
traced.fastify = traced;
traced.default = traced;
load.cache[path].exports = traced;
