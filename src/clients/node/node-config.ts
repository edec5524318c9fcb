import { clientConfig } from "../../core/calls/client-config.ts";
import type { ClientConfig } from "../../core/calls/client-config.ts";
import { NODE_OPTIONS } from "../../core/telemetry/check-options.ts";
import type { ClientOptions } from "../../core/telemetry/options.ts";

/** The HTTP clients that node-wide instrumentation covers: `undici` is also the global fetch, `http` is `node:http` and `node:https`. */
export type NodeClient = "undici" | "http";

/** The options of node-wide instrumentation, read once at set-up. */
export interface NodeConfig {
  readonly client: ClientConfig;
  readonly clients: ReadonlySet<NodeClient>;
}

/** @throws TypeError for an unknown option or an invalid value. */
export function nodeConfig<Request, Response>(
  caller: string,
  options: ClientOptions<Request, Response> & { readonly clients?: readonly NodeClient[] | undefined },
): NodeConfig {
  return { client: clientConfig(caller, options, NODE_OPTIONS), clients: new Set(options.clients ?? ["undici", "http"]) };
}
