import type { Histogram, Tracer } from "@opentelemetry/api";
import { compilePolicy } from "../core/propagation/policy.ts";
import type { Policy } from "../core/propagation/policy.ts";
import { propagationSource } from "../core/propagation/propagator.ts";
import type { Propagation } from "../core/propagation/propagator.ts";
import { MCP_OPTIONS, checkOptions } from "../core/telemetry/check-options.ts";
import { durationSource } from "../core/telemetry/meter.ts";
import type { McpOptions } from "../core/telemetry/options.ts";
import { tracerSource } from "../core/telemetry/tracer.ts";

/** On which side of the protocol the wrapped object is. Both send requests, and both receive them. */
export type Side = "client" | "server";

/** The options of the MCP layer, read once when an object is wrapped. */
export interface McpConfig {
  readonly side: Side;
  readonly options: McpOptions;
  readonly policy: Policy;
  readonly tracer: () => Tracer | undefined;
  readonly propagation: () => Propagation | undefined;
  /** The durations of operations that this side initiates, and of those that it receives. */
  readonly sent: () => Histogram | undefined;
  readonly received: () => Histogram | undefined;
  readonly session: () => Histogram | undefined;
}

// Seconds; OpenTelemetry's conventions for MCP.
const BOUNDARIES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

/** @throws TypeError for an unknown option or an invalid value. */
export function mcpConfig(caller: string, side: Side, options: McpOptions): McpConfig {
  checkOptions(caller, options, MCP_OPTIONS);
  const duration = (name: string, description: string): (() => Histogram | undefined) =>
    durationSource(options.meterProvider, name, description, BOUNDARIES);
  return {
    side,
    options,
    policy: compilePolicy(caller, options),
    tracer: tracerSource(options.tracerProvider),
    propagation: propagationSource(options.propagator),
    sent: duration("mcp.client.operation.duration", "Duration of MCP requests and notifications, as observed by the sender."),
    received: duration("mcp.server.operation.duration", "Duration of MCP requests and notifications, as observed by the receiver."),
    session: duration(`mcp.${side}.session.duration`, `Duration of MCP sessions, as observed by the ${side}.`),
  };
}
