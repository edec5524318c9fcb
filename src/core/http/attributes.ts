/** The attribute names of OpenTelemetry's semantic conventions (HTTP: stable). */

export const HTTP_REQUEST_METHOD = "http.request.method";
export const HTTP_REQUEST_METHOD_ORIGINAL = "http.request.method_original";
export const HTTP_REQUEST_RESEND_COUNT = "http.request.resend_count";
export const HTTP_RESPONSE_STATUS_CODE = "http.response.status_code";
export const HTTP_ROUTE = "http.route";
export const SERVER_ADDRESS = "server.address";
export const SERVER_PORT = "server.port";
export const CLIENT_ADDRESS = "client.address";
export const CLIENT_PORT = "client.port";
export const URL_FULL = "url.full";
export const URL_PATH = "url.path";
export const URL_QUERY = "url.query";
export const URL_SCHEME = "url.scheme";
export const URL_TEMPLATE = "url.template";
export const ERROR_TYPE = "error.type";
export const NETWORK_PEER_ADDRESS = "network.peer.address";
export const NETWORK_PEER_PORT = "network.peer.port";
export const NETWORK_PROTOCOL_NAME = "network.protocol.name";
export const NETWORK_PROTOCOL_VERSION = "network.protocol.version";
export const NETWORK_TRANSPORT = "network.transport";
export const USER_AGENT_ORIGINAL = "user_agent.original";
export const HTTP_CLIENT_REQUEST_DURATION = "http.client.request.duration";
export const HTTP_SERVER_REQUEST_DURATION = "http.server.request.duration";

/** `http.request.method` of a method that is not in the list of known methods. */
export const OTHER_METHOD = "_OTHER";

/** The methods of RFC 9110, with PATCH (RFC 5789) and QUERY. */
export const KNOWN_METHODS: readonly string[] = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "QUERY",
];

/** `network.protocol.version` (`2`) of what Node calls `2.0`. */
export function protocolVersion(httpVersion: string): string {
  return httpVersion === "2.0" ? "2" : httpVersion;
}
