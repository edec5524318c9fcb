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

/** Lets the user's hooks add to the attributes, and returns the span's name. */
export function nameSpan({ hooked, options }: ClientConfig, attributes: Attributes, request: unknown): string {
  const method = attributes[HTTP_REQUEST_METHOD] as string;
  const name = method === OTHER_METHOD ? "HTTP" : method;
  if (!hooked) return name;
  const template = guarded("urlTemplate", options.urlTemplate, request);
  if (typeof template === "string") attributes[URL_TEMPLATE] = template;
  Object.assign(attributes, guarded("startSpanHook", options.startSpanHook, request));
  return typeof template === "string" ? `${name} ${template}` : name;
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
