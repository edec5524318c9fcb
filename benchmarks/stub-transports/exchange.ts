// The request and the response that all stub transports use.

export const RESPONSE_STATUS = 200;
export const RESPONSE_HEADERS: Record<string, string> = { "content-type": "application/json", "content-length": "2" };
export const RESPONSE_BODY: Buffer = Buffer.from("{}");
export const REQUEST_BODY: string = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "SendMessage" });

/** The remote end of the connection. */
export const PEER = { remoteAddress: "10.0.0.7", remotePort: 8080 } as const;

/** The URL of a request, and its parts. */
export interface Destination {
  readonly origin: string;
  readonly address: string;
  readonly port: number;
  readonly path: string;
  readonly url: string;
}

const PORT = 8080;

/** Creates a destination whose URL has about `urlLength` characters. */
export function createDestination(address: string, urlLength: number): Destination {
  const origin = `http://${address}:${PORT}`;
  const path = createPath(urlLength - origin.length);
  return { origin, address, port: PORT, path, url: origin + path };
}

/** Paths that are longer than the shortest one get a query. */
function createPath(length: number): string {
  let path = "/agents/1";
  for (let i = 0; path.length < length; i++) path += `${i === 0 ? "?" : "&"}key${i}=some%20value`;
  return path;
}
