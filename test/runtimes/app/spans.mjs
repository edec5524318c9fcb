import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { equal, until } from "./assert.mjs";
import { ownSpans } from "./telemetry.mjs";

/** Waits for so many spans of this package, and returns them. */
export async function endedSpans(count) {
  await until(() => ownSpans().length >= count, `${count} spans have ended, there are ${ownSpans().length}`);
  equal(ownSpans().map(shape), ownSpans().slice(0, count).map(shape), "spans too many");
  return ownSpans();
}

export async function endedSpan() {
  return (await endedSpans(1))[0];
}

/** A span as a check writes it down, without what only Node sees of a connection. */
export function shape(span) {
  const attributes = Object.fromEntries(Object.entries(span.attributes).filter(([name]) => !name.startsWith("network.")));
  return { name: span.name, kind: SpanKind[span.kind], status: SpanStatusCode[span.status.code], attributes };
}

/** The CLIENT span of a request to the agent. */
export function clientSpan(agent, path, more = {}, method = "GET") {
  const { hostname, port, href } = new URL(path, agent);
  const attributes = {
    "http.request.method": method,
    "http.response.status_code": 200,
    "server.address": hostname,
    "server.port": Number(port),
    "url.full": href,
    ...more.attributes,
  };
  const known = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return { name: method, kind: "CLIENT", status: more.status ?? "UNSET", attributes: Object.fromEntries(known) };
}

export function traceparentOf(span) {
  const { traceId, spanId } = span.spanContext();
  return `00-${traceId}-${spanId}-01`;
}

export function milliseconds(span) {
  return span.duration[0] * 1e3 + span.duration[1] / 1e6;
}

/** Runs something in a span of the application's own, and returns that span's context and the result. */
export function inSpan(work) {
  return trace.getTracer("application").startActiveSpan("work", async (span) => {
    try {
      return { result: await work(span), work: span.spanContext() };
    } finally {
      span.end();
    }
  });
}
