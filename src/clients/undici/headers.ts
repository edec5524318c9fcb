import type { Dispatcher } from "undici";
import type { ClientCall } from "../../core/calls/client-call.ts";
import { bufferIterable, withHeaders } from "../../core/propagation/carrier.ts";
import { copyWithHeaders } from "../../core/propagation/copy-with-headers.ts";
import { reportFailure } from "../../core/telemetry/diagnostics.ts";

type DispatchOptions = Dispatcher.DispatchOptions;

/** A copy of the options whose headers, if they are an iterator, are a set of pairs: an iterator can be read only once, by this package or by undici. */
export function withBufferedHeaders(options: DispatchOptions): DispatchOptions {
  try {
    const headers = options?.headers as { next?: unknown } | null | undefined;
    if (typeof headers?.next !== "function") return options;
    return copyWithHeaders(options, asPairs(bufferIterable(headers as Iterable<unknown>)));
  } catch (error) {
    reportFailure("reading the headers of a request", error);
    return options;
  }
}

/** A copy of the options with the call's headers, in the shape of the caller's. Headers that undici refuses stay as they are. */
export function withCallHeaders(options: DispatchOptions, call: ClientCall): DispatchOptions {
  try {
    return addHeaders(options, call);
  } catch (error) {
    reportFailure("setting the headers of a request", error);
    return options;
  }
}

function addHeaders(options: DispatchOptions, { headers: added, replaced }: ClientCall): DispatchOptions {
  const { headers } = options;
  if (added === undefined || (typeof headers !== "object" && headers !== undefined)) return options;
  if (!Array.isArray(headers)) return copyWithHeaders(options, asPairs(withHeaders(headers, added, replaced)));
  if (headers.length === 0) return copyWithHeaders(options, Object.entries(added).flat());
  if (headers.length % 2 !== 0 || typeof headers[0] !== "string") return options;
  return copyWithHeaders(options, withHeaders(headers, added, replaced));
}

/** undici reads an array as a flat one, and pairs from any other iterable. */
function asPairs(headers: unknown): unknown {
  return Array.isArray(headers) ? new Set(headers) : headers;
}
