import { channel } from "node:diagnostics_channel";
import type { Channel } from "node:diagnostics_channel";
import type { Variant } from "../measure/calls.ts";
import { PEER, RESPONSE_STATUS } from "./exchange.ts";

/** A request as undici's diagnostics channels publish it. */
interface PublishedRequest {
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  readonly headers: string[];
}

/** Publishes what undici publishes during a request that is answered. */
export interface UndiciChannels {
  readonly publishSent: (request: PublishedRequest) => void;
  readonly publishResponse: (request: PublishedRequest) => void;
  readonly publishEnd: (request: PublishedRequest) => void;
  /** The headers of the last request. */
  readonly sentHeaders: () => Record<string, string>;
}

const SENT_HEADERS = "POST /rpc HTTP/1.1\r\nhost: agent.internal:8080\r\nconnection: keep-alive\r\n";
const RAW_RESPONSE_HEADERS = [Buffer.from("content-type"), Buffer.from("application/json")];

/**
 * The traced variant publishes on undici's own channels, to which the library subscribes. The others have channels of their own: the untraced
 * variant's have no subscriber, and the baseline's have one that does nothing, because every instrumentation needs it to see the end of the body.
 */
export function createChannels(variant: Variant): UndiciChannels {
  const create = channelOf(variant, "undici:request:create");
  const sendHeaders = channelOf(variant, "undici:client:sendHeaders");
  const headers = channelOf(variant, "undici:request:headers");
  const trailers = channelOf(variant, "undici:request:trailers");
  const response = { statusCode: RESPONSE_STATUS, headers: RAW_RESPONSE_HEADERS, statusText: "OK" };
  let last: PublishedRequest | undefined;
  return {
    publishSent: (request) => {
      last = request;
      if (create.hasSubscribers) create.publish({ request });
      if (sendHeaders.hasSubscribers) sendHeaders.publish({ request, headers: SENT_HEADERS, socket: PEER });
    },
    publishResponse: (request) => {
      if (headers.hasSubscribers) headers.publish({ request, response });
    },
    publishEnd: (request) => {
      if (trailers.hasSubscribers) trailers.publish({ request, trailers: [] });
    },
    sentHeaders: () => (last === undefined ? {} : unflattenHeaders(last.headers)),
  };
}

function channelOf(variant: Variant, name: string): Channel {
  const found = channel(variant === "traced" ? name : `${variant}:${name}`);
  if (variant === "baseline") found.subscribe(() => {});
  return found;
}

/** Headers as undici keeps them: names and values in turn. */
export function flattenHeaders(headers: Record<string, string>): string[] {
  const flat: string[] = [];
  for (const name in headers) flat.push(name, headers[name] as string);
  return flat;
}

function unflattenHeaders(flat: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) headers[flat[i] as string] = flat[i + 1] as string;
  return headers;
}
