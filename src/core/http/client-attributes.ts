import type { Attributes, Context } from "@opentelemetry/api";
import { isBelowA2AClient } from "../context/a2a-client-span.ts";
import {
  ERROR_TYPE,
  HTTP_REQUEST_METHOD,
  HTTP_REQUEST_METHOD_ORIGINAL,
  HTTP_REQUEST_RESEND_COUNT,
  HTTP_RESPONSE_STATUS_CODE,
  NETWORK_PROTOCOL_VERSION,
  OTHER_METHOD,
  SERVER_ADDRESS,
  SERVER_PORT,
  URL_SCHEME,
  URL_TEMPLATE,
} from "./attributes.ts";
import { headerAttributes } from "./recorded-headers.ts";
import { A2A_METHOD_NAME, confirmA2A } from "./a2a-recognition.ts";
import type { A2ARecognition } from "./a2a-recognition.ts";
import type { ClientConfig } from "../calls/client-config.ts";
import { safeCall } from "../telemetry/diagnostics.ts";
import type { Target } from "./target.ts";

/** The attributes that a CLIENT span starts with, which samplers see. */
export function clientStartAttributes(config: ClientConfig, target: Target, headers: unknown, resendCount: number): Attributes {
  const { method, recordedMethod, recordedUrl } = target;
  const { address, port } = target.origin;
  // One literal without computed names for the usual request: it has a fixed shape, and is created four times as fast.
  const attributes: Attributes = {
    "http.request.method": recordedMethod,
    "server.address": address,
    "server.port": port,
    "url.full": recordedUrl,
  };
  if (port === undefined) {
    delete attributes[SERVER_PORT];
    if (address === "") delete attributes[SERVER_ADDRESS];
  }
  if (recordedMethod !== method) attributes[HTTP_REQUEST_METHOD_ORIGINAL] = method;
  if (resendCount > 0) attributes[HTTP_REQUEST_RESEND_COUNT] = resendCount;
  if (config.requestHeaders.length === 0) return attributes;
  return Object.assign(attributes, headerAttributes(config.requestHeaders, headers, config.sensitive));
}

/** Recognises an A2A request as the option `a2a` allows; undefined if it is none. */
export function recogniseCall(
  { options }: ClientConfig,
  target: Target,
  headers: unknown,
  body: unknown,
): A2ARecognition | undefined {
  const { a2a = "headers" } = options;
  return a2a === false ? undefined : confirmA2A(a2a, target, headers, body);
}

/**
 * Adds what is known of the request beyond HTTP, by A2A and by the user's hooks, and returns the span's name.
 *
 * The A2A method is recorded only if the option `a2a` is set, and never below an A2A CLIENT span: consumers take every CLIENT span that has
 * `a2a.method.name` for an A2A call (`a2a.client`), so that the call would be counted twice.
 */
export function nameSpan(
  { hooked, options }: ClientConfig,
  attributes: Attributes,
  { request, parent, a2a }: { readonly request: unknown; readonly parent: Context; readonly a2a: A2ARecognition | undefined },
): string {
  const method = attributes[HTTP_REQUEST_METHOD] as string;
  const name = method === OTHER_METHOD ? "HTTP" : method;
  if (a2a?.method !== undefined && options.a2a !== undefined && !isBelowA2AClient(parent)) {
    attributes[A2A_METHOD_NAME] = a2a.method;
  }
  const given: unknown = hooked ? safeCall("urlTemplate", options.urlTemplate, request) : undefined;
  const template = typeof given === "string" ? given : a2a?.template;
  if (template !== undefined) attributes[URL_TEMPLATE] = template;
  if (hooked) Object.assign(attributes, safeCall("startSpanHook", options.startSpanHook, request));
  return template === undefined ? name : `${name} ${template}`;
}

/** The opt-in attributes of `http.client.request.duration` that the option `metricAttributes` names, if they are known. */
export function optInMetricAttributes(names: readonly string[], { origin }: Target, spanAttributes: Attributes): Attributes {
  const known: Attributes = { ...spanAttributes, ...(origin.scheme !== "" && { [URL_SCHEME]: origin.scheme }) };
  return Object.fromEntries(names.map((name) => [name, known[name]]).filter(([, value]) => value !== undefined));
}

/** The attributes of `http.client.request.duration`, without those that are opt-in. */
export function clientMetricAttributes(
  { recordedMethod, origin }: Target,
  status: number | undefined,
  errorType: string | undefined,
  protocolVersion: string | undefined,
): Attributes {
  const { address, port } = origin;
  const attributes: Attributes = { [HTTP_REQUEST_METHOD]: recordedMethod };
  if (address !== "") attributes[SERVER_ADDRESS] = address;
  if (port !== undefined) attributes[SERVER_PORT] = port;
  if (status !== undefined) attributes[HTTP_RESPONSE_STATUS_CODE] = status;
  if (errorType !== undefined) attributes[ERROR_TYPE] = errorType;
  if (protocolVersion !== undefined) attributes[NETWORK_PROTOCOL_VERSION] = protocolVersion;
  return attributes;
}
