import type { Context } from "@opentelemetry/api";
import { registerEndpoint } from "../core/http/endpoints.ts";
import type { RequestPurpose } from "../core/http/endpoints.ts";
import { isSameResource } from "../core/http/urls.ts";
import { openRequestOf } from "./carrier.ts";

const SUBSCRIPTION = "subscriptions/listen";
const DISCOVERY = "server/discover";

// Streamable HTTP: a server need not offer a stream (405), nor the end of a session by the client (405), and forgets sessions (404).
const OPTIONAL = [404, 405];
const STANDING_STREAM: RequestPurpose = { startsTrace: true, endsAtHeaders: true, expectedStatuses: OPTIONAL };
const RESUMED_STREAM: RequestPurpose = { expectedStatuses: OPTIONAL };
const END_OF_SESSION: RequestPurpose = { expectedStatuses: OPTIONAL };
// A server that does not know MCP 2026-07-28 rejects the probe for it.
const PROBE: RequestPurpose = { expectedStatuses: [400, 404, 405] };
const LONG_RESPONSE: RequestPurpose = { endsAtHeaders: true };
// The metadata of an authorization server is looked for at several well-known places.
const METADATA: RequestPurpose = { expectedStatuses: [404] };

/**
 * Lets HTTP spans of a client's transport follow the protocol: they are no errors where a server answers as the protocol allows, and a stream that stays
 * open for the whole session neither keeps its span open nor belongs to the trace in which it was opened.
 *
 * @returns a function that undoes it.
 */
export function registerMcpEndpoint(endpoint: string, connection: object): () => void {
  return registerEndpoint(endpoint, (method: string, url: string, active: Context) => {
    const request = openRequestOf(active, connection);
    if (!isSameResource(url, endpoint)) return method === "GET" && url.includes("/.well-known/") ? METADATA : undefined;
    switch (method) {
      case "GET":
        return request === undefined ? STANDING_STREAM : RESUMED_STREAM;
      case "DELETE":
        return END_OF_SESSION;
      default:
        return request?.method === SUBSCRIPTION ? LONG_RESPONSE : request?.method === DISCOVERY ? PROBE : undefined;
    }
  });
}
