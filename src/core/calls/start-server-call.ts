import { ROOT_CONTEXT } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { isOfAnotherRequest, openServerSpan } from "../context/open-server-span.ts";
import type { ReceivedRequest } from "../http/server-attributes.ts";
import { reportFailure, safeCall } from "../telemetry/diagnostics.ts";
import { checkContextManager } from "../telemetry/tracer.ts";
import { admitCaller } from "./admission.ts";
import { EnrichedServerCall } from "./enriched-server-call.ts";
import { OwnServerCall } from "./own-server-call.ts";
import type { ServerCall } from "./server-call.ts";
import type { ServerConfig } from "./server-config.ts";

export interface ServerCallStart {
  readonly received: ReceivedRequest;
  /** The request as hooks receive it. */
  readonly request: unknown;
  /** The context that the request is received in. A SERVER span that is open there is enriched. */
  readonly active: Context;
  /** The context that the caller's context is added to. It must not contain a span of anything but this request. */
  readonly base: Context;
}

/**
 * Starts the call of a received request: a SERVER span whose parent is the caller's span. If a SERVER span is open for the request already
 * (of other instrumentation, or of an outer middleware of this package), that span is enriched and no other is started.
 *
 * @returns undefined if the request is ignored, or if there is nothing to record and nothing to propagate.
 */
export function startServerCall(
  config: ServerConfig,
  { received, request, active, base }: ServerCallStart,
): ServerCall | undefined {
  try {
    checkContextManager();
    const { ignoreRequestHook } = config.options;
    if (ignoreRequestHook !== undefined && safeCall("ignoreRequestHook", ignoreRequestHook, request) === true) return undefined;
    const open = openServerSpan(active);
    if (open === undefined) {
      const isNeeded = isRecorded(config) || active !== base || carriesContext(config, received);
      return isNeeded ? new OwnServerCall(config, received, request, admitCaller(config, received, request, base)) : undefined;
    }
    if (!isOfAnotherRequest(open.span, received.peerPort)) return new EnrichedServerCall(config, received, request, active, open);
    return new OwnServerCall(config, received, request, admitCaller(config, received, request, ROOT_CONTEXT));
  } catch (error) {
    reportFailure("receiving a request", error);
    return undefined;
  }
}

function isRecorded(config: ServerConfig): boolean {
  return config.tracer() !== undefined || config.duration() !== undefined;
}

function carriesContext(config: ServerConfig, received: ReceivedRequest): boolean {
  const source = config.propagation();
  return source !== undefined && received.readHeaders(source.fields) !== undefined;
}
