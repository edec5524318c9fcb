import type { Client, RequestOptions } from "@a2a-js/sdk/client";
import type { Context } from "@opentelemetry/api";
import { compilePolicy, injectWithPolicy } from "../core/propagation/policy.ts";
import { propagationSource } from "../core/propagation/propagator.ts";
import type { A2AOptions } from "../core/telemetry/options.ts";

/** The arguments of a call over gRPC, into which a context can be injected until the SDK sends the call. */
export interface GrpcArguments {
  readonly args: readonly unknown[];
  readonly inject: (context: Context) => void;
}

/**
 * Returns a function that copies the arguments of a call over gRPC. The SDK sends the `serviceParameters` of its options as metadata; those of its other
 * transports become HTTP headers, which are the HTTP client's to decide about.
 *
 * @throws TypeError for a matcher of the policy that is not a host or an origin.
 */
export function grpcArguments(
  options: A2AOptions,
): (transport: Client["transport"] | undefined, args: readonly unknown[], at: number, url: string) => GrpcArguments | undefined {
  const policy = compilePolicy("wrapA2AClient", options);
  const propagation = propagationSource(options.propagator);
  return (transport, args, at, url) => {
    if (transport?.protocolName !== "GRPC") return undefined;
    const given = args[at] as RequestOptions | undefined;
    const sent: RequestOptions = { ...given };
    const copy = [...args];
    copy[at] = sent;
    const inject = (context: Context): void => {
      const source = propagation();
      if (source === undefined) return;
      const headers = injectWithPolicy(policy, source, context, url);
      const kept = Object.entries(given?.serviceParameters ?? {}).filter(([name]) => headers[name.toLowerCase()] === undefined);
      sent.serviceParameters = { ...Object.fromEntries(kept), ...headers };
    };
    return { args: copy, inject };
  };
}
