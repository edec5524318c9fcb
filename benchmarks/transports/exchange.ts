/** What all stub transports agree on. */

export const RESPONSE_STATUS = 200;
export const RESPONSE_HEADERS: Record<string, string> = { "content-type": "application/json", "content-length": "2" };
export const RESPONSE_BODY: Buffer = Buffer.from("{}");
export const REQUEST_BODY: string = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "SendMessage" });

/** The connection's other side. */
export const PEER = { remoteAddress: "10.0.0.7", remotePort: 8080 } as const;

/** The URL that a call asks for: a part of it may vary from call to call. */
export interface Target {
  readonly origin: string;
  readonly address: string;
  readonly port: number;
  readonly path: string;
  readonly url: string;
}

const PORT = 8080;

export function targetOf(address: string, length: number): Target {
  const origin = `http://${address}:${PORT}`;
  const path = pathOf(length - origin.length);
  return { origin, address, port: PORT, path, url: origin + path };
}

/** A path, with a query where it is to be longer. */
function pathOf(length: number): string {
  let path = "/agents/1";
  for (let i = 0; path.length < length; i++) path += `${i === 0 ? "?" : "&"}key${i}=some%20value`;
  return path;
}
