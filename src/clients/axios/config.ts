import type { AxiosResponse, InternalAxiosRequestConfig } from "axios";
import type { ClientCall } from "../../core/calls/client-call.ts";
import { readHeader } from "../../core/propagation/carrier.ts";
import { safeCall } from "../../core/telemetry/diagnostics.ts";
import { isHttpPatched } from "./transport.ts";
import type { RequestUrl } from "./url.ts";

// The config of a request is an object of axios's own, merged for this request. Parts of it are replaced while an attempt is in progress.

export type AxiosRequest = InternalAxiosRequestConfig;
/** What a request has as its `adapter`: names, functions, or a list of both. */
export type AdapterSetting = AxiosRequest["adapter"];
export type Adapter = (request: AxiosRequest) => Promise<AxiosResponse>;

/** Sets the adapter of a request, or removes it. */
export function setAdapter(request: AxiosRequest, adapter: AdapterSetting): void {
  if (adapter === undefined) delete request.adapter;
  else request.adapter = adapter;
}

export const NO_RESTORES: readonly (() => void)[] = [];

/** Overrides what an adapter of axios's own reads from the config. Returns functions that restore it. */
export function overrideConfig(
  call: ClientCall,
  request: AxiosRequest,
  url: RequestUrl,
  observesRedirects: boolean,
): readonly (() => void)[] {
  const isSerialized = url.serialized !== undefined || url.threw !== undefined;
  if (!isSerialized && !observesRedirects) return NO_RESTORES;
  const restores: (() => void)[] = [];
  if (isSerialized) restores.push(override(request, "paramsSerializer", serializerFor(url)));
  if (observesRedirects) restores.push(override(request, "beforeRedirect", beforeRedirectFor(request, call)));
  return restores;
}

function override<Name extends keyof AxiosRequest>(request: AxiosRequest, name: Name, value: AxiosRequest[Name]): () => void {
  const property = Object.getOwnPropertyDescriptor(request, name);
  request[name] = value;
  return () => {
    if (request[name] !== value) return;
    if (property === undefined) delete request[name];
    else Object.defineProperty(request, name, property);
  };
}

/** A serializer that returns what the application's serializer has returned for the span's URL, so that the latter is called only once for a request. */
function serializerFor({ serialized = "", threw }: RequestUrl): AxiosRequest["paramsSerializer"] {
  return {
    serialize: () => {
      if (threw !== undefined) throw threw.error;
      return serialized;
    },
  };
}

/**
 * Runs the application's `beforeRedirect`, then prepares the next hop, whose request axios makes right after. It belongs to the same call: other
 * instrumentation must find tracing suppressed. The policy decides again which headers are sent: here, if the hop does not become an attempt of its own, or if
 * Node writes its headers before they can be changed.
 */
function beforeRedirectFor({ beforeRedirect }: AxiosRequest, call: ClientCall): AxiosRequest["beforeRedirect"] {
  let isElsewhere = false;
  return function onRedirect(this: unknown, ...args) {
    if (beforeRedirect !== undefined) Reflect.apply(beforeRedirect, this, args);
    const [{ href, headers }] = args as unknown as [{ href?: unknown; headers?: object }];
    if (!call.observed || readHeader(headers, "expect") !== undefined) {
      safeCall("the policy of a redirect", () => (isElsewhere = call.reinjectForRedirect(String(href), headers, isElsewhere)));
    }
    if (!call.first.latest.ended) call.first.suppressing = isHttpPatched();
  };
}
