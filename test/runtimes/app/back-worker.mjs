// A Worker with a service, a Durable Object and an entry point for remote procedure calls.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import { trace } from "@opentelemetry/api";
import { continueTrace } from "a2a-otel";
import { traceRequests } from "a2a-otel/server/web";
import { setupPropagation } from "a2a-otel/setup";
import { startTelemetry } from "./telemetry.mjs";

startTelemetry("back");
setupPropagation();

/** The active span and its parent, as the handler sees it. */
function active() {
  const span = trace.getActiveSpan();
  const { traceId, spanId } = span.spanContext();
  return { kind: span.kind, name: span.name, traceId, spanId, parentSpanId: span.parentSpanContext?.spanId };
}

const receive = traceRequests(async () => Response.json(active()));

export class Session extends DurableObject {
  fetch(request) {
    return receive(request);
  }
}

export class Planner extends WorkerEntrypoint {
  plan(task, carrier) {
    return continueTrace(carrier, active, { name: `plan ${task}` });
  }
}

// A Worker is its module's default export.
// oxlint-disable-next-line import/no-default-export
export default { fetch: (request, env, ctx) => receive(request, env, ctx) };
