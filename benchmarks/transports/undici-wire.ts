import { channel } from "node:diagnostics_channel";
import type { Channel } from "node:diagnostics_channel";
import { PEER, RESPONSE_STATUS } from "./exchange.ts";

/** A request as undici's diagnostics channels tell of it. */
interface WireRequest {
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  readonly headers: string[];
}

/** Publishes what undici publishes of a request that is answered. */
export interface Wire {
  readonly send: (request: WireRequest) => void;
  readonly respond: (request: WireRequest) => void;
  readonly finish: (request: WireRequest) => void;
  /** The headers of the last request. */
  readonly sent: () => Record<string, string>;
}

const HEADERS = "POST /rpc HTTP/1.1\r\nhost: agent.internal:8080\r\nconnection: keep-alive\r\n";
const RAW_HEADERS = [Buffer.from("content-type"), Buffer.from("application/json")];

/**
 * @param name of the channels: the real ones, where the library listens, for `traced`; others of their own for the base, which nobody
 * listens to, and for the floor, which has a subscriber that does nothing: the price of being told of the end of the body.
 */
export function createWire(name: "base" | "floor" | "traced"): Wire {
  const create = channelOf(name, "undici:request:create");
  const sendHeaders = channelOf(name, "undici:client:sendHeaders");
  const headers = channelOf(name, "undici:request:headers");
  const trailers = channelOf(name, "undici:request:trailers");
  const response = { statusCode: RESPONSE_STATUS, headers: RAW_HEADERS, statusText: "OK" };
  let last: WireRequest | undefined;
  return {
    send: (request) => {
      last = request;
      if (create.hasSubscribers) create.publish({ request });
      if (sendHeaders.hasSubscribers) sendHeaders.publish({ request, headers: HEADERS, socket: PEER });
    },
    respond: (request) => {
      if (headers.hasSubscribers) headers.publish({ request, response });
    },
    finish: (request) => {
      if (trailers.hasSubscribers) trailers.publish({ request, trailers: [] });
    },
    sent: () => (last === undefined ? {} : recordOf(last.headers)),
  };
}

function channelOf(name: "base" | "floor" | "traced", real: string): Channel {
  const found = channel(name === "traced" ? real : `${name}:${real}`);
  if (name === "floor") found.subscribe(() => {});
  return found;
}

/** A flat array of names and values, of a record. */
export function flat(headers: Record<string, string>): string[] {
  const array: string[] = [];
  for (const name in headers) array.push(name, headers[name] as string);
  return array;
}

function recordOf(headers: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let i = 0; i + 1 < headers.length; i += 2) record[headers[i] as string] = headers[i + 1] as string;
  return record;
}
