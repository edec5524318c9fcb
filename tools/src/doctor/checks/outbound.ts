import type { Findings } from "../findings.ts";
import type { OutboundHost } from "../observe-app.ts";
import type { Instrumentations } from "./instrumentations.ts";

const EVERYWHERE =
  'Run `node --import a2a-otel/register app.js`, or call instrumentNode() of "a2a-otel/node" at the start, which covers every client';

/** For each kind of client: why its requests may not be traced, and what to do. */
const CLIENTS: Record<OutboundHost["client"], { readonly cause: (isInstrumented: boolean) => string; readonly remedy: string }> = {
  fetch: {
    cause: (isInstrumented) =>
      isInstrumented
        ? "a client has stored a reference to fetch before instrumentFetch() was called, or uses the fetch of another copy of undici"
        : "the global fetch is not instrumented",
    remedy: `${EVERYWHERE}, also those that have stored a reference to fetch. Or give the client \`fetch: (...args) => globalThis.fetch(...args)\`.`,
  },
  undici: {
    cause: () => "a client sends through undici's own functions or a dispatcher of its own",
    remedy: `${EVERYWHERE} and dispatcher. Or compose the dispatcher with traceInterceptor() of "a2a-otel/undici".`,
  },
  "node:http": {
    cause: () => "a client sends through node:http or node:https (node-fetch, gaxios, superagent, AWS SDK)",
    remedy: `${EVERYWHERE}. Or use instrumentAxios() of "a2a-otel/axios" or wrapGot() of "a2a-otel/got" for those clients.`,
  },
};

/** Reports the hosts that the application reached while it started, and those that it reached without a trace. */
export function checkOutbound(
  findings: Findings,
  outbound: readonly OutboundHost[],
  instrumentations: Instrumentations,
  hasSdk: boolean,
): void {
  const untraced = outbound.filter((host) => host.untraced > 0 && mustBeTraced(host, instrumentations, hasSdk));
  for (const [client, hosts] of Map.groupBy(untraced, (host) => host.client)) {
    const { cause, remedy } = CLIENTS[client];
    const list = hosts.map(({ host, untraced: count, requests }) => `${host} (${count} of ${times(requests)})`).join(", ");
    const message = `Hosts were reached without a trace while the app started, by ${client}: ${list}. The requests had no traceparent and no CLIENT span: ${cause(instrumentations.ownFetch)}.`;
    if (hasSdk) findings.error("outbound", message, remedy);
    else findings.warn("outbound", message, remedy);
  }
  if (untraced.length > 0) return;
  if (outbound.length === 0) {
    findings.ok(
      "outbound",
      "The app made no outbound request while it was watched, so it is unknown which of its clients are traced. To examine them, let it make its calls " +
        "within the time of --wait.",
    );
    return;
  }
  const hosts = [...new Set(outbound.map(({ host }) => host))].join(", ");
  const isUnknown = outbound.some((host) => host.untraced > 0);
  findings.ok(
    "outbound",
    isUnknown
      ? `The app reached ${hosts} while it started. Some requests carried no trace: without an SDK there is none to carry, or an option excludes these hosts.`
      : `The app reached ${hosts} while it started. All requests carried the trace, or have a CLIENT span.`,
  );
}

function times(count: number): string {
  return `${count} request${count === 1 ? "" : "s"}`;
}

/**
 * With `instrumentNode()`, only an option excludes a host. Without an SDK there is no trace when the app starts, so that a request without one is a
 * problem only if nothing instruments its client.
 */
function mustBeTraced(
  { client }: OutboundHost,
  { ownNode, ownFetch, subscribers, http }: Instrumentations,
  hasSdk: boolean,
): boolean {
  if (ownNode) return false;
  return hasSdk || (client === "node:http" ? !http : !ownFetch && subscribers === 0);
}
