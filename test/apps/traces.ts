import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Span } from "../../tools/src/view/span.ts";
import type { Backend } from "./backend.ts";

/** A span as a test speaks of it: whole, but for what differs from run to run. */
export interface SpanOutline {
  readonly scope: string;
  readonly name: string;
  readonly kind: string;
  readonly failed: boolean;
  /** The name of its parent, `"caller"` for the request's own `traceparent`, or what is wrong. */
  readonly parent: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** The caller that an app's trace has to continue. */
export interface Caller {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceparent: string;
}

export function newCaller(): Caller {
  const traceId = randomBytes(16).toString("hex");
  const spanId = randomBytes(8).toString("hex");
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` };
}

/** Asks an app for a path as a caller that is in a trace. */
export async function ask(url: string, caller: Caller): Promise<{ status: number; text: string }> {
  const response = await fetch(url, { headers: { traceparent: caller.traceparent, "user-agent": "caller" } });
  return { status: response.status, text: await response.text() };
}

/** Those spans that count, from the outermost inwards, as a test writes them down. */
export function outline(spans: readonly Span[], caller: Caller, counts: (span: Span) => boolean = () => true): SpanOutline[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const depthOf = (span: Span | undefined): number => (span === undefined ? 0 : 1 + depthOf(byId.get(span.parentSpanId ?? "")));
  return spans
    .filter(counts)
    .toSorted((a, b) => depthOf(a) - depthOf(b) || Number(a.start - b.start))
    .map((span) => {
      const { scope, name, kind, status } = span;
      const attributes = { ...span.attributes };
      // The port that the caller happened to call from.
      if (kind === "SERVER" && typeof attributes["network.peer.port"] === "number") delete attributes["network.peer.port"];
      return {
        scope: scope.name,
        name,
        kind,
        failed: status === "error",
        parent: parentOf(span, byId, caller),
        attributes,
      };
    });
}

function parentOf(span: Span, byId: ReadonlyMap<string, Span>, caller: Caller): string {
  if (span.traceId !== caller.traceId) return "another trace";
  const id = span.parentSpanId;
  if (id === caller.spanId) return "caller";
  return id === undefined ? "none" : (byId.get(id)?.name ?? "a span that was not exported");
}

/** An attribute that is a text. */
export function textOf({ attributes }: Pick<Span, "attributes">, name: string): string {
  const value = attributes[name];
  return typeof value === "string" ? value : "";
}

/** The CLIENT span of a GET that an app has sent to the agent, as this package makes it. */
export function clientSpan(agent: Backend["agent"], path: string, parent: string, more: Partial<SpanOutline> = {}): SpanOutline {
  const { attributes, ...rest } = more;
  return {
    scope: "a2a-otel",
    name: "GET",
    kind: "CLIENT",
    failed: false,
    parent,
    ...rest,
    attributes: {
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "network.peer.address": "127.0.0.1",
      "network.peer.port": agent.port,
      "network.protocol.version": "1.1",
      "server.address": "127.0.0.1",
      "server.port": agent.port,
      "url.full": agent.url + path,
      ...attributes,
    },
  };
}

/** The SERVER span of a GET that an app was asked, as this package makes it. */
export function serverSpan(url: string, path: string, route: string | undefined, more: Partial<SpanOutline> = {}): SpanOutline {
  const { attributes, ...rest } = more;
  return {
    scope: "a2a-otel",
    name: route === undefined ? "GET" : `GET ${route}`,
    kind: "SERVER",
    failed: false,
    parent: "caller",
    ...rest,
    attributes: {
      "client.address": "127.0.0.1",
      "http.request.method": "GET",
      "http.response.status_code": 200,
      ...(route !== undefined && { "http.route": route }),
      "network.peer.address": "127.0.0.1",
      "network.protocol.version": "1.1",
      "server.address": "127.0.0.1",
      "server.port": Number(new URL(url).port),
      "url.path": path,
      "url.scheme": "http",
      "user_agent.original": "caller",
      ...attributes,
    },
  };
}

/** Each request that the agent has received since, in order, carries one `traceparent`, that of the CLIENT span with its URL. */
export function assertWire({ agent }: Backend, spans: readonly Span[]): void {
  const requests = agent.requests.splice(0);
  const calls = spans.filter(({ scope, kind }) => scope.name === "a2a-otel" && kind === "CLIENT");
  assert.deepEqual(
    requests.map((request) => ({ url: request.url, traceparent: agent.values("traceparent", request) })),
    calls.map((span) => ({
      url: textOf(span, "url.full").replace(agent.url, ""),
      traceparent: [`00-${span.traceId}-${span.spanId}-01`],
    })),
    "one CLIENT span for each request, and its traceparent alone on the wire",
  );
}
