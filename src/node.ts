import type { ClientRequest, IncomingMessage } from "node:http";
import { nodeConfig } from "./clients/node/node-config.ts";
import type { NodeClient, NodeConfig } from "./clients/node/node-config.ts";
import { makeInstrumentation } from "./clients/node/otel-instrumentation.ts";
import type { Instrumentation } from "./clients/node/otel-instrumentation.ts";
import { instrumentProcess } from "./clients/node/process-instrumentation.ts";
import type { ClientOptions } from "./core/telemetry/options.ts";

/** A request of undici as hooks receive it: the one of undici's diagnostics channels. */
export interface UndiciChannelRequest {
  readonly origin: string | URL | undefined;
  readonly path: string;
  readonly method: string;
  /** A flat array of names and values. */
  readonly headers: unknown;
}

/** A response of undici as hooks receive it. */
export interface UndiciChannelResponse {
  readonly statusCode: number;
  /** By lower-case name. */
  readonly headers: Record<string, string | string[] | undefined>;
}

/** A request of the process as hooks receive it: the client's own request object. */
export type NodeRequest =
  | { readonly client: "undici"; readonly request: UndiciChannelRequest }
  | { readonly client: "http"; readonly request: ClientRequest };

/** A response as hooks receive it: that of `node:http`, or what undici's diagnostics channels show of one. */
export type NodeResponse = IncomingMessage | UndiciChannelResponse;

/** Options of {@link instrumentNode}. */
export interface NodeOptions extends ClientOptions<NodeRequest, NodeResponse> {
  /** The clients that are covered: `"undici"` (the global fetch and all dispatchers of undici), `"http"` (`node:http` and `node:https`). Default: both. */
  clients?: readonly NodeClient[] | undefined;
}

/**
 * Instruments every outbound HTTP request of the Node.js process: each gets a CLIENT span and carries the trace context.
 *
 * It subscribes to the diagnostics channels of Node.js and undici and replaces no function, so it also covers clients that were created before, or that have
 * stored a reference to `fetch`. A request of a client that is wrapped by this package keeps its one span, and carries only what both policies allow.
 * Options take effect also over an earlier call without options (`a2a-otel/register`), until they are undone.
 *
 * HTTP/2 requests of `node:http2` (gRPC, the default of AWS Bedrock's client) are not covered, nor the requests that nock answers.
 *
 * @returns a function that undoes this call.
 * @throws TypeError for an invalid option, or if an earlier call has set other options.
 *
 * @example
 * const undo = instrumentNode({ propagateTo: "*.agents.example" });
 */
export function instrumentNode(options: NodeOptions = {}): () => void {
  const config = nodeConfig("instrumentNode", options);
  return instrumentProcess({ caller: instrumentNode, options, config });
}

/** Options of {@link nodeInstrumentation}: those of {@link instrumentNode}, and `enabled`, which OpenTelemetry's `InstrumentationConfig` has. */
export interface NodeInstrumentationConfig extends NodeOptions {
  /** Whether the instrumentation is active. `enable()` and `disable()` change it. */
  enabled?: boolean | undefined;
}

/**
 * Returns {@link instrumentNode} as an instrumentation of OpenTelemetry, for `new NodeSDK({ instrumentations })` and `registerInstrumentations()`, which
 * enable it. It needs no patched modules, so it may be created at any time.
 *
 * Options that are given take precedence over the providers that `setTracerProvider()` and `setMeterProvider()` set. Its methods throw as
 * {@link instrumentNode} does.
 *
 * @throws TypeError for an invalid option.
 *
 * @example
 * const sdk = new NodeSDK({ instrumentations: [nodeInstrumentation({ propagateTo: "*.agents.example" })] });
 */
export function nodeInstrumentation(options: NodeInstrumentationConfig = {}): Instrumentation<NodeInstrumentationConfig> {
  const config = (given: NodeOptions): NodeConfig => nodeConfig("nodeInstrumentation", given);
  return makeInstrumentation(options, config, (given) =>
    instrumentProcess({ caller: nodeInstrumentation, options: given, config: config(given) }),
  );
}
