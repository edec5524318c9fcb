import { wrapMethods } from "../core/telemetry/wrap-methods.ts";
import type { MethodWrapper } from "../core/telemetry/wrap-methods.ts";
import { isWrapped, markWrapped } from "../core/telemetry/wrapped.ts";
import { followCaller } from "./caller.ts";
import type { McpConfig } from "./config.ts";
import { Connection } from "./connection.ts";
import { isSendingRecorded } from "./sending.ts";
import { isObserved, observeConnectedTransport, observeTransport, originalOf } from "./transport.ts";
import type { Transport } from "./transport.ts";

/** What `Client` and `Server` of both SDKs have in common. */
interface Protocol {
  readonly transport?: Transport | undefined;
  connect(transport: Transport, ...more: unknown[]): unknown;
}

/** The methods of `Client` and `Server` that send a request, or several one after the other. */
const REQUESTING = [
  "request",
  "ping",
  "complete",
  "setLoggingLevel",
  "getPrompt",
  "listPrompts",
  "listResources",
  "listResourceTemplates",
  "readResource",
  "subscribeResource",
  "unsubscribeResource",
  "callTool",
  "listTools",
  "discover",
  "listen",
  "createMessage",
  "elicitInput",
  "listRoots",
];

/**
 * Wraps a client or a server. Its transports are observed from `connect()` on, or from now on if it is connected.
 *
 * @throws TypeError for an invalid option, or if the object is wrapped already with other options.
 */
export function wrapMcp<T extends object>(caller: string, config: McpConfig, wrapped: T): T {
  const { options } = config;
  if (isWrapped(caller, wrapped, options)) return wrapped;
  // An McpServer has a Server, which has the transport.
  const { server } = wrapped as { readonly server?: Protocol };
  const protocol = server ?? (wrapped as unknown as Protocol);
  const { transport } = protocol;
  if (transport !== undefined && !isObserved(transport) && !isWrapped(caller, transport, options)) {
    observeConnectedTransport(transport, new Connection(config, protocol, transport));
    markWrapped(transport, options);
  }
  const inner = server === undefined ? undefined : proxyOf(config, server, server, undefined);
  return proxyOf(config, wrapped, protocol, inner);
}

/** @param inner what the property `server` of the proxy is. */
function proxyOf<T extends object>(config: McpConfig, wrapped: T, protocol: Protocol, inner: Protocol | undefined): T {
  const wrappers = new Map<PropertyKey, MethodWrapper>();
  // The methods of v2 look into caches first.
  const sendsAtOnce = !("discover" in protocol);
  const request: MethodWrapper = (call, args) =>
    isSendingRecorded(config) ? followCaller({ owner: protocol, call, args, sendsAtOnce }) : call();
  for (const name of REQUESTING) wrappers.set(name, request);
  wrappers.set("connect", (call, args) => {
    const [transport, ...more] = args;
    if (!isTransport(transport) || isObserved(transport)) return call();
    const connection = new Connection(config, protocol, transport);
    const observed = [observeTransport(transport, connection), ...more];
    const open = (): unknown => connection.open(() => call(observed));
    return followCaller({ owner: protocol, call: open, args, sendsAtOnce: false });
  });
  const proxy = wrapMethods(wrapped, wrappers, {
    read: (key, value) => {
      if (key === "transport" || key === "_transport") return originalOf(value);
      if (key === "server") return inner;
      // Callbacks keep their identity.
      return typeof value === "function" && Object.hasOwn(wrapped, key) && !wrappers.has(key) ? value : undefined;
    },
  });
  markWrapped(proxy, config.options);
  return proxy;
}

function isTransport(value: unknown): value is Transport {
  return typeof (value as Partial<Transport> | null | undefined)?.send === "function";
}
