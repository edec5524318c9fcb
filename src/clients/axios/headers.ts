import type { InternalAxiosRequestConfig } from "axios";
import type { ClientCall } from "../../core/calls/client-call.ts";
import { sameName } from "../../core/propagation/carrier.ts";

type HeaderRecord = Record<string, unknown>;

/** The headers of a request while an attempt is in progress, and what they were before. */
export interface HeaderOverlay {
  /** The request's own headers. */
  readonly original: HeaderRecord;
  /** A copy of them with the propagation headers. */
  readonly copy: HeaderRecord;
  readonly added: Record<string, string>;
  /** The names of original headers that the copy does not have, because the propagation headers replace them. */
  readonly replaced: readonly string[] | undefined;
}

/** Replaces a request's headers by a copy with the propagation headers: an interceptor may use one headers object for many requests. */
export function overlayHeaders(
  request: InternalAxiosRequestConfig,
  call: ClientCall,
  isResend: boolean,
): HeaderOverlay | undefined {
  const added = call.headers;
  if (added === undefined) return undefined;
  const original: HeaderRecord = request.headers;
  const copy = Object.assign(Object.create(Object.getPrototypeOf(original) as object | null) as HeaderRecord, original);
  const mayHaveOthers = isResend || call.replaced.length > 0;
  const replaced = mayHaveOthers ? removeHeaders(copy, [...Object.keys(added), ...call.replaced]) : undefined;
  for (const name in added) copy[name] = added[name];
  request.headers = copy as InternalAxiosRequestConfig["headers"];
  return { original, copy, added, replaced };
}

/** Restores the request's own headers, with the changes that the adapter made to the copy. */
export function restoreHeaders(request: InternalAxiosRequestConfig, { original, copy, added, replaced }: HeaderOverlay): void {
  if (request.headers === copy) request.headers = original as InternalAxiosRequestConfig["headers"];
  // Inherited properties are the same in both. `Object.keys` would allocate two arrays.
  for (const name in copy) {
    const value = copy[name];
    if (value !== added[name] && value !== original[name]) Reflect.set(original, name, value);
  }
  for (const name in original) {
    if (!(name in copy) && replaced?.includes(name) !== true) Reflect.deleteProperty(original, name);
  }
}

function removeHeaders(headers: HeaderRecord, names: readonly string[]): string[] {
  const removed = Object.keys(headers).filter((name) => names.some((candidate) => sameName(candidate, name)));
  for (const name of removed) delete headers[name];
  return removed;
}
