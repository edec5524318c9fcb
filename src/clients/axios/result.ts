import type { AxiosResponse } from "axios";
import type { ClientCall } from "../../core/calls/client-call.ts";
import { reportFailure } from "../../core/telemetry/diagnostics.ts";
import type { AxiosAttempt } from "./attempt.ts";
import { adapterRequestOf, endFailedCall, isCancel, isComplete, responseOf } from "./failure.ts";
import { restoreHeaders } from "./headers.ts";
import { headersTimeOf } from "./headers-time.ts";
import { endWithStream, isNodeStream } from "./node-stream.ts";

/** Is called for an attempt that has failed and that the application may send again. */
type OnFailure = (attempt: AxiosAttempt) => void;

/**
 * Observes how the result of an adapter settles, and returns it.
 *
 * @param result a native promise is returned as it is. An adapter of the application's may return another thenable, or nothing.
 */
export function observeAdapterResult(
  attempt: AxiosAttempt,
  result: Promise<AxiosResponse>,
  onFailure: OnFailure,
): Promise<AxiosResponse> {
  if (result instanceof Promise) {
    result.then(
      (response) => observeResponse(attempt, response),
      (error: unknown) => observeRejection(attempt, error, onFailure),
    );
    return result;
  }
  if (typeof (result as PromiseLike<AxiosResponse> | undefined)?.then !== "function") {
    observeResponse(attempt, undefined);
    return result;
  }
  return (result as Promise<AxiosResponse>).then(
    (response) => {
      observeResponse(attempt, response);
      return response;
    },
    (error: unknown) => {
      observeRejection(attempt, error, onFailure);
      throw error;
    },
  );
}

function observeResponse(attempt: AxiosAttempt, response: AxiosResponse | undefined): void {
  try {
    restoreConfig(attempt);
    if (response === undefined || response === null) attempt.call.end();
    else recordAxiosResponse(attempt, response);
  } catch (error) {
    endUnreadable(attempt.call, error);
  }
}

/** Records why an attempt was rejected. */
export function observeRejection(attempt: AxiosAttempt, reason: unknown, onFailure: OnFailure): void {
  const { call, fetchResponse, request } = attempt;
  try {
    restoreConfig(attempt);
    if (!isCancel(reason, request.signal)) onFailure(attempt);
    const response = responseOf(reason);
    if (response !== undefined && isComplete(response)) {
      recordAxiosResponse(attempt, response);
      return;
    }
    const adapterRequest = adapterRequestOf(reason);
    if (fetchResponse === undefined) recordConnection(call, adapterRequest);
    const status: unknown = response === undefined ? http2StatusOf(adapterRequest) : response.status;
    if (typeof status === "number") call.response(status, response?.headers);
    const headersTime = call.alwaysEndsWithHeaders ? headersTimeOf(call) : undefined;
    if (headersTime === undefined) endFailedCall(call, reason, request.signal);
    else call.end(headersTime);
  } catch (error) {
    endUnreadable(call, error);
  }
}

/** Restores the config when the adapter is done with it. */
function restoreConfig({ call, headerOverlay, request, restores }: AxiosAttempt): void {
  if (!call.isInner) call.first.suppressing = false;
  if (headerOverlay !== undefined) restoreHeaders(request, headerOverlay);
  for (const restore of restores) restore();
}

function endUnreadable(call: ClientCall, error: unknown): void {
  reportFailure("reading a response of axios", error);
  call.end();
}

function recordAxiosResponse({ call, fetchResponse, request }: AxiosAttempt, response: AxiosResponse): void {
  if (!call.observed) {
    call.end();
    return;
  }
  if (fetchResponse === undefined) recordConnection(call, response.request);
  if (typeof response.status === "number") call.response(response.status, response.headers);
  call.delivered(response);
  const body: unknown = response.data;
  if (call.endsWithHeaders(response)) call.end(headersTimeOf(call));
  else if (request.responseType !== "stream") call.end();
  else if (isNodeStream(body)) endWithStream(call, body, request.signal);
  else if (fetchResponse !== undefined && body instanceof ReadableStream) fetchResponse.delivered(body);
  else call.end();
}

interface Socket {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
}

/** The `request` of the http adapter's responses and errors: Node's request, or the stream of an HTTP/2 request. */
interface AdapterRequest {
  readonly socket?: Socket | null;
  /** Null until the response arrives. */
  readonly res?: { readonly httpVersion?: string } | null;
  /** Only HTTP/2 streams have it. */
  readonly sentHeaders?: object;
  readonly session?: { readonly socket?: Socket };
  /** axios sets it on an HTTP/2 stream when the headers of the response arrive. */
  readonly statusCode?: number;
}

function recordConnection(call: ClientCall, request: unknown): void {
  try {
    const { res, sentHeaders, session, socket } = (request ?? {}) as AdapterRequest;
    if (sentHeaders !== undefined) call.connected(session?.socket?.remoteAddress, session?.socket?.remotePort, "2");
    else if (res !== undefined && res !== null) call.connected(socket?.remoteAddress, socket?.remotePort, res.httpVersion);
  } catch (error) {
    reportFailure("reading the connection of axios", error);
  }
}

/** The status of the response to a request over HTTP/2: if its body fails, axios rejects without a response. */
function http2StatusOf(request: unknown): number | undefined {
  return (request as AdapterRequest | null | undefined)?.statusCode;
}
