import { context } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import type { AxiosInstance, AxiosResponse } from "axios";
import { CallContext } from "../../core/context/call-context.ts";
import { PlainHeaders } from "../../core/propagation/carrier.ts";
import { startCall } from "../../core/calls/start-call.ts";
import type { ClientCall } from "../../core/calls/client-call.ts";
import type { ClientConfig } from "../../core/calls/client-config.ts";
import { reportFailure } from "../../core/telemetry/diagnostics.ts";
import { ensureLastSubscriber } from "../../core/node/undici-channels.ts";
import { followFetch, followStream, isNodeStream } from "./body.ts";
import type { FetchBody } from "./body.ts";
import { buildOf } from "./build.ts";
import type { Build } from "./build.ts";
import { http2StatusOf, recordConnection } from "./connection.ts";
import { layHeaders, override, serializedOnce, setAdapter, beforeNextHop, takeBackHeaders } from "./config.ts";
import type { Adapter, LaidHeaders, Own, Request } from "./config.ts";
import { failAttempt, isCancel, isWhole, responseOf } from "./failure.ts";
import {
  arrivalOf,
  isHttpPatched,
  isWatched,
  noteArrival,
  suppressesAtStart,
  suppressesUntilRequest,
  transportOf,
} from "./transport.ts";
import type { Transport } from "./transport.ts";
import { requestUrl } from "./url.ts";
import type { RequestUrl } from "./url.ts";

/** An axios instance with its options. */
export interface Instrumentation {
  readonly config: ClientConfig;
  readonly instance: AxiosInstance;
  /** False once it is undone. */
  active: boolean;
  build: Build | undefined;
}

/** What is known of the failed attempt that a config was left from. */
interface Earlier {
  readonly own: Own;
  readonly call: ClientCall;
}

const earlierAttempts = new WeakMap<object, Earlier>();

/** The failed attempt that left this adapter on its config, for a config that is sent again. */
export function earlierAttempt(adapter: Own): Earlier | undefined {
  return typeof adapter === "function" ? earlierAttempts.get(adapter) : undefined;
}

/** Sends a request by its own adapter, as an attempt; untraced where there is nothing to tell. */
export function send(
  instrumentation: Instrumentation,
  own: Own,
  config: Request,
  earlier: ClientCall | undefined,
): Promise<AxiosResponse> {
  setAdapter(config, own);
  const build = (instrumentation.build ??= buildOf(instrumentation.instance, config));
  const adapter = typeof own === "function" ? own : (build.getAdapter(own ?? build.defaultAdapter(), config) as Adapter);
  const attempt = instrumentation.active ? begin(instrumentation, build, adapter, config, earlier) : undefined;
  if (attempt === undefined) return adapter(config);

  const { call, transport } = attempt;
  const within = contextFor(attempt);
  call.first.suppressing = within !== undefined && suppressesAtStart(transport, config);
  let result: Promise<AxiosResponse>;
  try {
    result = within === undefined ? adapter(config) : context.with(within, adapter, undefined, config);
  } catch (error) {
    rejected(attempt, error);
    throw error;
  }
  call.first.suppressing &&= suppressesUntilRequest(transport, config);
  return settled(attempt, result);
}

/**
 * What an adapter runs in where foreign instrumentation may be beneath it: one of the application's in the call's context; one of axios's
 * in the active one with our switch for suppression, since all that comes after (body streams, listeners, `lookup`) keeps the context of
 * the request.
 */
function contextFor({ call, transport }: Attempt): Context | undefined {
  if (call.context === call.parent || !isWatched(transport)) return undefined;
  return transport === "custom" ? call.context : new CallContext(context.active(), undefined, call.first);
}

/** A request under way. */
interface Attempt {
  readonly instrumentation: Instrumentation;
  readonly call: ClientCall;
  readonly config: Request;
  readonly transport: Transport;
  readonly fetchBody: FetchBody | undefined;
  readonly laid: LaidHeaders | undefined;
  /** Take back what else was put into the config for the time of the attempt. */
  readonly overrides: readonly (() => void)[];
}

function begin(
  instrumentation: Instrumentation,
  build: Build,
  adapter: Adapter,
  config: Request,
  earlier: ClientCall | undefined,
): Attempt | undefined {
  let call: ClientCall | undefined;
  try {
    const url = requestUrl(config, build);
    const { headers } = config;
    const readable = typeof headers === "object" && headers !== null ? new PlainHeaders(headers) : undefined;
    call = startCall(instrumentation.config, {
      method: methodOf(config),
      url: url.href,
      headers: readable,
      request: config,
      previous: earlier,
      body: config.data,
    });
    if (call === undefined) return undefined;
    const transport = transportOf(adapter, config.adapter ?? build.defaultAdapter(), build);
    const laid = layHeaders(config, call, earlier !== undefined);
    const overrides = transport === "custom" ? NOTHING : overrideConfig(config, call, transport, url);
    if (transport === "fetch") ensureLastSubscriber();
    if (instrumentation.config.options.endSpanOn === "headers") noteArrival(call);
    const fetchBody = transport === "fetch" && call.observed ? followFetch(call, config.signal) : undefined;
    return { instrumentation, call, config, transport, fetchBody, laid, overrides };
  } catch (error) {
    reportFailure("reading a request of axios", error);
    call?.end();
    return undefined;
  }
}

const NOTHING: readonly (() => void)[] = [];

// axios writes them in lower case; to change that makes a new string each time.
function methodOf({ method = "get" }: Request): string {
  return method === "post" ? "POST" : method === "get" ? "GET" : String(method).toUpperCase();
}

function overrideConfig(config: Request, call: ClientCall, transport: Transport, url: RequestUrl): readonly (() => void)[] {
  const isSerialized = url.serialized !== undefined || url.threw !== undefined;
  const isHopping = transport === "http" && (isHttpPatched() || call.dependsOnOrigin);
  if (!isSerialized && !isHopping) return NOTHING;
  const overrides: (() => void)[] = [];
  if (isSerialized) overrides.push(override(config, "paramsSerializer", serializedOnce(url)));
  if (isHopping) overrides.push(override(config, "beforeRedirect", beforeNextHop(config, call)));
  return overrides;
}

/** Hands on what an adapter returned, having looked at how it settles. A promise of the platform's is handed on itself. */
function settled(attempt: Attempt, result: Promise<AxiosResponse>): Promise<AxiosResponse> {
  if (result instanceof Promise) {
    result.then(
      (response) => fulfilled(attempt, response),
      (error: unknown) => rejected(attempt, error),
    );
    return result;
  }
  if (typeof (result as PromiseLike<AxiosResponse> | undefined)?.then !== "function") {
    fulfilled(attempt, undefined);
    return result;
  }
  return (result as Promise<AxiosResponse>).then(
    (response) => {
      fulfilled(attempt, response);
      return response;
    },
    (error: unknown) => {
      rejected(attempt, error);
      throw error;
    },
  );
}

function fulfilled(attempt: Attempt, response: AxiosResponse | undefined): void {
  try {
    takeBack(attempt);
    if (response === undefined || response === null) attempt.call.end();
    else responded(attempt, response);
  } catch (error) {
    giveUp(attempt.call, error);
  }
}

function rejected(attempt: Attempt, reason: unknown): void {
  const { call, config, instrumentation } = attempt;
  try {
    takeBack(attempt);
    const response = responseOf(reason);
    if (!isCancel(reason, config.signal)) leaveForRetry(instrumentation, config, call);
    if (response !== undefined && isWhole(response)) responded(attempt, response);
    else {
      const { request } = (reason ?? {}) as { request?: unknown };
      if (attempt.fetchBody === undefined) recordConnection(call, request);
      const status: unknown = response === undefined ? http2StatusOf(request) : response.status;
      if (typeof status === "number") call.response(status, response?.headers);
      const arrival = arrivalOf(call);
      if (arrival === undefined) failAttempt(call, reason, config.signal);
      else call.end(arrival);
    }
  } catch (error) {
    giveUp(call, error);
  }
}

/** The adapter is done with the config: it becomes what it would be without us. */
function takeBack({ call, config, laid, overrides }: Attempt): void {
  call.first.suppressing = false;
  if (laid !== undefined) takeBackHeaders(config, laid);
  for (const restore of overrides) restore();
}

function giveUp(call: ClientCall, error: unknown): void {
  reportFailure("a response of axios", error);
  call.end();
}

function responded({ call, config, fetchBody, instrumentation }: Attempt, response: AxiosResponse): void {
  if (!call.observed) return;
  if (fetchBody === undefined) recordConnection(call, response.request);
  if (typeof response.status === "number") call.response(response.status, response.headers);
  call.delivered(response);
  const body: unknown = response.data;
  if (instrumentation.config.options.endSpanOn === "headers") call.end(arrivalOf(call));
  else if (config.responseType !== "stream") call.end();
  else if (isNodeStream(body)) followStream(call, body, config.signal);
  else if (fetchBody !== undefined && body instanceof ReadableStream) fetchBody.delivered(body);
  else call.end();
}

/** Leaves an adapter of ours on a config that has failed, by which a re-send of it is known as the next attempt. */
function leaveForRetry(instrumentation: Instrumentation, config: Request, call: ClientCall): void {
  if (!call.observed || !instrumentation.active) return;
  const own = config.adapter;
  const adapter: Adapter = (again) => send(instrumentation, own, again, call);
  // A failed config is written to logs as JSON; there it shows what was there.
  Object.defineProperty(adapter, "toJSON", { value: () => own });
  earlierAttempts.set(adapter, { own, call });
  config.adapter = adapter;
}
