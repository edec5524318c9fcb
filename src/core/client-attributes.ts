import type { Attributes } from "@opentelemetry/api";
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
  URL_FULL,
  URL_SCHEME,
  URL_TEMPLATE,
  headerValue,
  redactUrl,
} from "./attributes.ts";
import type { Origin } from "./attributes.ts";
import { A2A_METHOD_NAME, recogniseA2A } from "./a2a-recognition.ts";
import type { A2ARecognition } from "./a2a-recognition.ts";
import { readHeader } from "./carrier.ts";
import type { ClientConfig } from "./client-config.ts";
import { guarded } from "./guard.ts";

/** The attributes that a CLIENT span starts with, which samplers see. */
export function startAttributes(
  config: ClientConfig,
  method: string,
  url: string,
  origin: Origin,
  headers: unknown,
  resendCount: number,
): Attributes {
  const known = config.knownMethods.has(method);
  // One literal for the usual request: an object of a fixed shape is cheap.
  const attributes: Attributes = {
    [HTTP_REQUEST_METHOD]: known ? method : OTHER_METHOD,
    [SERVER_ADDRESS]: origin.address,
    [SERVER_PORT]: origin.port,
    [URL_FULL]: redactUrl(url, config.sensitive),
  };
  if (origin.port === undefined) {
    delete attributes[SERVER_PORT];
    if (origin.address === "") delete attributes[SERVER_ADDRESS];
  }
  if (!known) attributes[HTTP_REQUEST_METHOD_ORIGINAL] = method;
  if (resendCount > 0) attributes[HTTP_REQUEST_RESEND_COUNT] = resendCount;
  for (const header of config.requestHeaders) {
    const value = readHeader(headers, header.name);
    if (value !== undefined) attributes[header.attribute] = [headerValue(header.name, value)];
  }
  return attributes;
}

/** What a request tells of A2A, as far as the option `a2a` has us look. */
export function recogniseCall(
  { options }: ClientConfig,
  method: string,
  url: string,
  headers: unknown,
  body: unknown,
): A2ARecognition | undefined {
  const { a2a = "headers" } = options;
  return a2a === false ? undefined : recogniseA2A(a2a, method, url, headers, body);
}

/** Adds what is known of the request beyond HTTP, by A2A and by the user's hooks, and returns the span's name. */
export function nameSpan(
  { hooked, options }: ClientConfig,
  attributes: Attributes,
  request: unknown,
  a2a: A2ARecognition | undefined,
): string {
  const method = attributes[HTTP_REQUEST_METHOD] as string;
  const name = method === OTHER_METHOD ? "HTTP" : method;
  if (a2a?.method !== undefined) attributes[A2A_METHOD_NAME] = a2a.method;
  const given: unknown = hooked ? guarded("urlTemplate", options.urlTemplate, request) : undefined;
  const template = typeof given === "string" ? given : a2a?.template;
  if (template !== undefined) attributes[URL_TEMPLATE] = template;
  if (hooked) Object.assign(attributes, guarded("startSpanHook", options.startSpanHook, request));
  return template === undefined ? name : `${name} ${template}`;
}

/** The attributes of `http.client.request.duration`. */
export function measuredAttributes(
  method: string,
  { address, port, scheme }: Origin,
  status: number | undefined,
  errorType: string | undefined,
  protocolVersion: string | undefined,
): Attributes {
  const attributes: Attributes = { [HTTP_REQUEST_METHOD]: method };
  if (address !== "") attributes[SERVER_ADDRESS] = address;
  if (port !== undefined) attributes[SERVER_PORT] = port;
  if (scheme !== "") attributes[URL_SCHEME] = scheme;
  if (status !== undefined) attributes[HTTP_RESPONSE_STATUS_CODE] = status;
  if (errorType !== undefined) attributes[ERROR_TYPE] = errorType;
  if (protocolVersion !== undefined) attributes[NETWORK_PROTOCOL_VERSION] = protocolVersion;
  return attributes;
}
