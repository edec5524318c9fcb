import { removeActiveCall } from "../../core/calls/active-calls.ts";
import type { ClientCall } from "../../core/calls/client-call.ts";
import type { ClientConfig } from "../../core/calls/client-config.ts";
import type { ChannelRequest, RequestObserver } from "../../core/calls/request-observer.ts";
import { isTracingActive, restrictCall, startCall } from "../../core/calls/start-call.ts";
import type { OutboundRequest } from "../../core/calls/start-call.ts";
import type { ProcessTracer } from "../../core/node/process-tracer.ts";
import { setRequestHeaders } from "../../core/node/request-headers.ts";
import { urlOfRequest } from "../../core/node/undici-requests.ts";
import { statesNothing } from "../../core/propagation/policy.ts";
import type { NodeClient, NodeConfig } from "./node-config.ts";
import { takeRedirect } from "./redirects.ts";

/** Where the configuration in effect is found; it is undefined once the instrumentation is undone. */
export interface Configured {
  readonly config: NodeConfig | undefined;
}

/** What the channels of one client show of its requests. */
export interface ClientChannels<Request extends ChannelRequest> {
  readonly name: NodeClient;
  /** The client's own request object, which hooks receive. */
  requestOf(request: Request): unknown;
  /** The headers in a shape that `startCall()` reads. */
  headersOf(request: Request): unknown;
  /** The attempt that a request repeats, if the request object shows it. */
  previousOf(request: Request): ClientCall | undefined;
  /** Runs a function in the context that the request was made in. */
  runInContextOf<Result>(request: Request, run: () => Result): Result;
  /** Makes sure that the client does not set headers of an earlier request once more. */
  keepHeaders(request: Request, names: readonly string[]): void;
  /** A call was started for the request. Returns what observes the request, if its end must be reported. */
  started(request: Request, call: ClientCall, url: string): RequestObserver | undefined;
}

export function createProcessTracer<Request extends ChannelRequest>(
  instrumentation: Configured,
  channels: ClientChannels<Request>,
): ProcessTracer<Request> {
  const { name } = channels;

  function describe(config: ClientConfig, request: Request, url: string, previous?: ClientCall): OutboundRequest {
    return {
      method: request.method,
      url,
      headers: channels.headersOf(request),
      request: config.hooked ? { client: name, request: channels.requestOf(request) } : undefined,
      previous,
    };
  }

  return {
    isActive() {
      const { config } = instrumentation;
      return config !== undefined && config.clients.has(name) && isTracingActive(config.client);
    },

    start(request, repeated) {
      const config = instrumentation.config?.client;
      if (config === undefined) return undefined;
      const url = urlOfRequest(request);
      const previous = takeRedirect(url) ?? channels.previousOf(request) ?? repeated;
      // The body of a redirect may still be arriving, or never end.
      previous?.end();
      const outbound = describe(config, request, url, previous);
      const call = channels.runInContextOf(request, () => startCall(config, outbound));
      if (call === undefined) return undefined;
      if (call.headers !== undefined) setRequestHeaders(request, call.headers, call.replaced);
      if (call.isInner) return undefined;
      call.isProcessWide = true;
      if (previous !== undefined) channels.keepHeaders(request, [...previous.issuedNames, ...call.issuedNames]);
      // No request of another call can have been issued by this one, because the client does not know the call's headers.
      if (call.traceparent === undefined) removeActiveCall(call);
      return channels.started(request, call, url);
    },

    restrict(request, owner) {
      const config = instrumentation.config?.client;
      if (config === undefined || statesNothing(config.policy, owner !== undefined)) return;
      const call = restrictCall(config, describe(config, request, urlOfRequest(request)), owner);
      if (call?.headers !== undefined) setRequestHeaders(request, call.headers, call.replaced);
    },
  };
}
