import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Context, Link, SpanContext } from "@opentelemetry/api";
import type { ReceivedRequest } from "../http/server-attributes.ts";
import { acceptedBaggage, withoutCallersTrace } from "../propagation/accepted-context.ts";
import { extract } from "../propagation/propagator.ts";
import { safeCall } from "../telemetry/diagnostics.ts";
import type { Incoming } from "../telemetry/options.ts";
import type { ServerConfig } from "./server-config.ts";

/** What the options `incoming` and `acceptBaggage` admit of a caller's context. */
export interface Admitted {
  /** The parent of the SERVER span, with the accepted baggage. */
  readonly context: Context;
  /** Links of the SERVER span. */
  readonly links: Link[];
  /** The caller's span, whether it is admitted or not. */
  readonly caller: SpanContext | undefined;
}

/** Admits the caller's context on top of `base`. */
export function admitCaller(config: ServerConfig, received: ReceivedRequest, request: unknown, base: Context): Admitted {
  const extracted = extractCaller(config, received, base);
  const context = acceptedBaggage(extracted, base, config.options.acceptBaggage);
  const remote = trace.getSpanContext(extracted);
  const caller = remote?.isRemote === true ? remote : undefined;
  const mode = incomingMode(config, request);
  if (mode === "parent") return { context, links: [], caller };
  const links = mode === "link" && caller !== undefined ? [{ context: caller }] : [];
  return { context: withoutCallersTrace(context, base), links, caller };
}

/**
 * Restricts a context in which other instrumentation has admitted the caller already: only accepted baggage stays, and the active span is
 * removed if it continues a trace of the caller's that is not to be continued.
 */
export function restrictAdmitted(config: ServerConfig, received: ReceivedRequest, request: unknown, active: Context): Context {
  const context = acceptedBaggage(active, ROOT_CONTEXT, config.options.acceptBaggage);
  if (incomingMode(config, request) === "parent") return context;
  const caller = trace.getSpanContext(extractCaller(config, received, ROOT_CONTEXT));
  const continuesCaller = caller !== undefined && trace.getSpanContext(context)?.traceId === caller.traceId;
  return continuesCaller ? trace.deleteSpan(context) : context;
}

function extractCaller(config: ServerConfig, received: ReceivedRequest, base: Context): Context {
  const source = config.propagation();
  const headers = source && received.readHeaders(source.fields);
  return source && headers ? extract(source, headers, base) : base;
}

function incomingMode({ options: { incoming = "parent" } }: ServerConfig, request: unknown): Incoming | undefined {
  return typeof incoming === "function" ? safeCall("incoming", incoming, request) : incoming;
}
