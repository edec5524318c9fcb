import { context as contextApi } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { sharedState } from "../telemetry/shared-state.ts";
import { safeCall } from "../telemetry/diagnostics.ts";
import { originOf } from "./urls.ts";

/** What a protocol above HTTP (MCP) uses a request for, where that differs from an ordinary call. */
export interface RequestPurpose {
  /** The response is a stream that outlives the operation in whose context it is opened: the request belongs to no trace but its own. */
  readonly startsTrace?: boolean;
  /** The span ends when the response headers have arrived, because the stream has no end of interest. */
  readonly endsAtHeaders?: boolean;
  /** Error statuses that the protocol expects as an answer, so that they are not errors. */
  readonly expectedStatuses?: readonly number[];
}

/** Returns the purpose of a request to an endpoint; undefined if it is an ordinary call. */
export type PurposeSource = (method: string, url: string, active: Context) => RequestPurpose | undefined;

/** Registers an endpoint of a protocol above HTTP, and returns a function that undoes it. */
export function registerEndpoint(url: string, source: PurposeSource): () => void {
  const { endpoints } = sharedState;
  const key = keyOf(url);
  const sources = endpoints.get(key) ?? new Set();
  endpoints.set(key, sources.add(source));
  return () => {
    sources.delete(source);
    if (sources.size === 0 && endpoints.get(key) === sources) endpoints.delete(key);
  };
}

/** The purpose of a request that is made in the active context; undefined if it is an ordinary call. */
export function purposeOf(method: string, url: string): RequestPurpose | undefined {
  if (sharedState.endpoints.size === 0) return undefined;
  const active = contextApi.active();
  for (const source of sharedState.endpoints.get(keyOf(url)) ?? NONE) {
    const purpose = safeCall("an endpoint", source as PurposeSource, method, url, active);
    if (purpose !== undefined) return purpose;
  }
  return undefined;
}

const NONE: readonly unknown[] = [];

function keyOf(url: string): string {
  const { address, port } = originOf(url);
  return `${address}:${port}`;
}
