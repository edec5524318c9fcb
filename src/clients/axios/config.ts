import type { AxiosResponse, InternalAxiosRequestConfig } from "axios";
import { sameName } from "../../core/propagation/carrier.ts";
import type { ClientCall } from "../../core/calls/client-call.ts";
import { safeCall } from "../../core/telemetry/diagnostics.ts";
import { isHttpPatched } from "./transport.ts";
import type { RequestUrl } from "./url.ts";

// What is put into a request's config for the time of an attempt. The config is axios's own: it has merged one for this request.

export type Request = InternalAxiosRequestConfig;
export type Own = Request["adapter"];
export type Adapter = (config: Request) => Promise<AxiosResponse>;

/** Puts a request's own adapter back. */
export function setAdapter(config: Request, adapter: Own): void {
  if (adapter === undefined) delete config.adapter;
  else config.adapter = adapter;
}

/** The request's headers with the propagation headers among them, and what they were before. */
export interface LaidHeaders {
  readonly headers: Record<string, unknown>;
  readonly added: Record<string, string>;
  readonly own: Record<string, unknown>;
  readonly byHand: readonly string[] | undefined;
}

/** Lays the propagation headers over a copy of the request's, since an interceptor may share headers between requests. */
export function layHeaders(config: Request, call: ClientCall, again: boolean): LaidHeaders | undefined {
  const added = call.headers;
  if (added === undefined) return undefined;
  const own: Record<string, unknown> = config.headers;
  const headers = Object.assign(Object.create(Object.getPrototypeOf(own) as object | null) as Record<string, unknown>, own);
  const byHand = again || call.replaced.length > 0 ? takeOut(headers, [...Object.keys(added), ...call.replaced]) : undefined;
  for (const name in added) headers[name] = added[name];
  config.headers = headers as Request["headers"];
  return { headers, added, own, byHand };
}

/** Puts the request's own headers back, with what the adapter has done to the copy: it would have done it to them. */
export function takeBackHeaders(config: Request, { headers, added, own, byHand }: LaidHeaders): void {
  if (config.headers === headers) config.headers = own as Request["headers"];
  // With what they inherit, which is the same for both: the names alone would be two arrays.
  for (const name in headers) {
    const value = headers[name];
    if (value !== added[name] && value !== own[name]) Reflect.set(own, name, value);
  }
  for (const name in own) if (!(name in headers) && byHand?.includes(name) !== true) Reflect.deleteProperty(own, name);
}

function takeOut(headers: Record<string, unknown>, names: readonly string[]): string[] {
  const taken = Object.keys(headers).filter((name) => names.some((candidate) => sameName(candidate, name)));
  for (const name of taken) delete headers[name];
  return taken;
}

/** Puts a value into the config; returns what puts back what was there. */
export function override<Name extends keyof Request>(config: Request, name: Name, value: Request[Name]): () => void {
  const property = Object.getOwnPropertyDescriptor(config, name);
  config[name] = value;
  return () => {
    if (config[name] !== value) return;
    if (property === undefined) delete config[name];
    else Object.defineProperty(config, name, property);
  };
}

/** A serializer that says what the application's has said: it is called once for a request, as without us. */
export function serializedOnce({ serialized = "", threw }: RequestUrl): Request["paramsSerializer"] {
  return {
    serialize: () => {
      if (threw !== undefined) throw threw.error;
      return serialized;
    },
  };
}

/**
 * The application's `beforeRedirect`; after it axios makes the request of the next hop, which is part of this call: foreign instrumentation
 * must keep out, and the policy decides anew what the request carries.
 */
export function beforeNextHop({ beforeRedirect }: Request, call: ClientCall): Request["beforeRedirect"] {
  let isElsewhere = false;
  return function beforeHop(this: unknown, ...args) {
    if (beforeRedirect !== undefined) Reflect.apply(beforeRedirect, this, args);
    const [{ href, headers }] = args as unknown as [{ href?: unknown; headers?: object }];
    safeCall("the policy of a redirect", () => (isElsewhere = call.reinjectForRedirect(String(href), headers, isElsewhere)));
    if (!call.ended) call.first.suppressing = isHttpPatched();
  };
}
