import type { AxiosInstance, AxiosResponse, InternalAxiosRequestConfig } from "axios";
import type { Instrumentation } from "./clients/axios/attempt.ts";
import { replaceAdapter } from "./clients/axios/dispatch.ts";
import { addLastInterceptor } from "./clients/axios/interceptor.ts";
import type { InterceptorManager } from "./clients/axios/interceptor.ts";
import { clientConfig } from "./core/calls/client-config.ts";
import { isTracingActive } from "./core/calls/start-call.ts";
import { connectHttpChannels } from "./core/node/http-channels.ts";
import { connectChannels } from "./core/node/undici-channels.ts";
import { hasOptions } from "./core/telemetry/check-options.ts";
import type { ClientOptions } from "./core/telemetry/options.ts";
import { retain } from "./clients/axios/retain.ts";
import type { Retained } from "./clients/axios/retain.ts";
import { sharedState } from "./core/telemetry/shared-state.ts";

/** Options of {@link instrumentAxios}. Hooks receive axios's request config and its response. */
export type AxiosOptions = ClientOptions<InternalAxiosRequestConfig, AxiosResponse>;

/** What is used of an axios instance: `axios` itself, the result of `create()`, or a `new Axios()`, of any 1.x and any build. */
export interface AxiosLike {
  readonly interceptors: { readonly request: object };
}

/**
 * Instruments an axios instance in place: each request is recorded as a CLIENT span and carries the trace context. A span ends with the last byte of the
 * response. Each hop of a redirect, and each attempt for which a failed config is sent again (axios-retry), has a span of its own with
 * `http.request.resend_count`.
 *
 * An instance that is instrumented already is instrumented again only if there are options. A request then has one span, and carries what the policies of
 * both allow, until one of them is undone.
 *
 * @param instance `axios` or the result of `axios.create()`. Instances that are created from it later are not instrumented.
 * @returns a function that undoes the instrumentation.
 * @throws TypeError if an option is invalid or `instance` is not an axios instance.
 *
 * @example
 * const client = axios.create({ baseURL: "https://agents.example" });
 * const undo = instrumentAxios(client);
 * await client.post("/rpc", { jsonrpc: "2.0" });
 */
export function instrumentAxios(instance: AxiosLike, options: AxiosOptions = {}): () => void {
  const config = clientConfig("instrumentAxios", options);
  const manager = instance?.interceptors?.request as InterceptorManager | undefined;
  if (typeof manager?.forEach !== "function") {
    throw new TypeError(`instrumentAxios: instance must be axios or an instance of it, not ${typeof instance}`);
  }
  if (sharedState.instrumented.has(manager) && !hasOptions(options)) return retain(installed.get(manager)?.[0]);

  const instrumentation: Instrumentation = { config, instance: instance as AxiosInstance, active: true, build: undefined };
  const removeInterceptor = addLastInterceptor(
    manager,
    () => isTracingActive(config),
    (request) => {
      if (typeof request !== "object" || request === null || !instrumentation.active) return;
      connectChannels();
      connectHttpChannels();
      replaceAdapter(instrumentation, request);
    },
  );
  const retained: Retained = {
    count: 0,
    remove: () => {
      instrumentation.active = false;
      removeInterceptor();
      removeInstalled(manager, retained);
    },
  };
  sharedState.instrumented.add(manager);
  installed.set(manager, [...(installed.get(manager) ?? []), retained]);
  return retain(retained);
}

/** The instrumentations that this copy of the package has installed on an instance, by its interceptor manager. */
const installed = new WeakMap<object, readonly Retained[]>();

function removeInstalled(manager: object, removed: Retained): void {
  const others = (installed.get(manager) ?? []).filter((retained) => retained !== removed);
  if (others.length > 0) {
    installed.set(manager, others);
    return;
  }
  // Another copy of this package may instrument the instance next.
  installed.delete(manager);
  sharedState.instrumented.delete(manager);
}
