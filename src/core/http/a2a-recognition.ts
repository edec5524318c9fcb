import { readHeaders } from "../propagation/carrier.ts";

/** The A2A method of a request. All values come from fixed lists, so span names have low cardinality. */
export interface A2ARecognition {
  /** The v1 name of the method (`a2a.method.name`); undefined for a request for the agent card. */
  readonly method: string | undefined;
  /** `url.template`: the path, with its base path and tenant; undefined for JSON-RPC, which can have any URL. */
  readonly template: string | undefined;
  /** Whether the path is also used by other services: then it counts as A2A only with evidence of A2A. */
  readonly isAmbiguous?: boolean;
}

export const A2A_METHOD_NAME = "a2a.method.name";

/** The part of a body that is searched for its JSON-RPC method, in UTF-16 code units. */
export const SEARCHED_BODY_LENGTH = 4096;

/**
 * Recognises an A2A request (versions 1.0 and 0.3) by its method, URL and headers. In the mode `"body"` a JSON-RPC request with A2A headers is also
 * recognised by the first {@link SEARCHED_BODY_LENGTH} characters of its body.
 *
 * The cheapest checks come first: most requests that are not A2A are excluded by the end of their path, without an allocation.
 *
 * @param method the HTTP method as it is sent.
 * @param url a path, or an absolute URL.
 * @param headers in any shape of a carrier.
 * @param body read only if it is a string.
 */
export function recogniseA2A(
  mode: "headers" | "body",
  method: string,
  url: string,
  headers: unknown,
  body?: unknown,
): A2ARecognition | undefined {
  return confirmA2A(mode, { method, url, a2a: recognisePath(method, url) }, headers, body);
}

/** A request whose path has been matched already. */
interface MatchedRequest {
  readonly method: string;
  readonly url: string;
  /** The result of {@link recognisePath}. */
  readonly a2a: A2ARecognition | undefined;
}

/** {@link recogniseA2A} for a path that is matched already. */
export function confirmA2A(
  mode: "headers" | "body",
  { method, url, a2a }: MatchedRequest,
  headers: unknown,
  body: unknown,
): A2ARecognition | undefined {
  if (a2a !== undefined) return a2a.isAmbiguous !== true || isA2A(url, headers) ? a2a : undefined;
  if (mode !== "body" || method !== "POST" || typeof body !== "string") return undefined;
  return isA2A(url, headers) ? RPC.get(rpcMethod(body)) : undefined;
}

const rest = (method: string | undefined, template: string | undefined): A2ARecognition => Object.freeze({ method, template });

const AGENT_CARD = rest(undefined, "/.well-known/agent-card.json");
const SEND_MESSAGE = rest("SendMessage", "/message:send");
const SEND_STREAMING_MESSAGE = rest("SendStreamingMessage", "/message:stream");
const LIST_TASKS: A2ARecognition = { ...rest("ListTasks", "/tasks"), isAmbiguous: true };
const GET_TASK: A2ARecognition = { ...rest("GetTask", "/tasks/{id}"), isAmbiguous: true };
const CANCEL_TASK = rest("CancelTask", "/tasks/{id}:cancel");
const SUBSCRIBE_TO_TASK = rest("SubscribeToTask", "/tasks/{id}:subscribe");
const EXTENDED_CARD = rest("GetExtendedAgentCard", "/extendedAgentCard");
const EXTENDED_CARD_OF_V0_3: A2ARecognition = { ...rest("GetExtendedAgentCard", "/v1/card"), isAmbiguous: true };
const CONFIGS = "/tasks/{id}/pushNotificationConfigs";
const CREATE_CONFIG = rest("CreateTaskPushNotificationConfig", CONFIGS);
const LIST_CONFIGS = rest("ListTaskPushNotificationConfigs", CONFIGS);
const GET_CONFIG = rest("GetTaskPushNotificationConfig", `${CONFIGS}/{configId}`);
const DELETE_CONFIG = rest("DeleteTaskPushNotificationConfig", `${CONFIGS}/{configId}`);

/** Recognises the paths of the REST binding, under any base path and with or without a tenant. */
export function recognisePath(method: string, url: string): A2ARecognition | undefined {
  const end = pathEnd(url);
  const found = matchPath(method, url, end);
  return found && { ...found, template: basePath(url, end, found.template as string) + (found.template as string) };
}

/** The part of the path before that which a template describes. */
function basePath(url: string, end: number, template: string): string {
  let start = end;
  for (let segments = template.split("/").length - 1; segments > 0; segments--) start = url.lastIndexOf("/", start - 1);
  const scheme = url.indexOf("://");
  return url.slice(scheme === -1 ? 0 : url.indexOf("/", scheme + "://".length), start);
}

function matchPath(method: string, url: string, end: number): A2ARecognition | undefined {
  if (method === "POST") {
    if (url.endsWith("/message:send", end)) return SEND_MESSAGE;
    if (url.endsWith("/message:stream", end)) return SEND_STREAMING_MESSAGE;
  } else if (method === "GET") {
    if (url.endsWith("/.well-known/agent-card.json", end)) return AGENT_CARD;
    if (url.endsWith("/extendedAgentCard", end)) return EXTENDED_CARD;
    if (endsWithSegment(url, "/tasks", end)) return LIST_TASKS;
    if (url.endsWith("/v1/card", end)) return EXTENDED_CARD_OF_V0_3;
  } else if (method !== "DELETE") return undefined;

  const slash = url.lastIndexOf("/", end - 1);
  if (slash <= 0 || slash === end - 1) return undefined;
  if (endsWithSegment(url, "/tasks", slash)) return recogniseTask(method, url, slash, end);
  if (url.endsWith("/pushNotificationConfigs", end)) {
    if (!isBelowTask(url, slash)) return undefined;
    return method === "POST" ? CREATE_CONFIG : method === "GET" ? LIST_CONFIGS : undefined;
  }
  if (!url.endsWith("/pushNotificationConfigs", slash) || !isBelowTask(url, slash - "/pushNotificationConfigs".length))
    return undefined;
  return method === "GET" ? GET_CONFIG : method === "DELETE" ? DELETE_CONFIG : undefined;
}

/** Recognises `/tasks/{id}` and `/tasks/{id}:verb`. */
function recogniseTask(method: string, url: string, slash: number, end: number): A2ARecognition | undefined {
  const colon = url.lastIndexOf(":", end - 1);
  if (colon > slash) {
    if (colon === slash + 1) return undefined;
    if (method === "POST" && url.endsWith(":cancel", end)) return CANCEL_TASK;
    // The specification requires GET; the SDK sends POST.
    return method !== "DELETE" && url.endsWith(":subscribe", end) ? SUBSCRIBE_TO_TASK : undefined;
  }
  return method === "GET" ? GET_TASK : undefined;
}

/** Whether the path before an index ends with `/tasks/{id}`. */
function isBelowTask(url: string, index: number): boolean {
  const slash = url.lastIndexOf("/", index - 1);
  return slash > 0 && slash < index - 1 && endsWithSegment(url, "/tasks", slash);
}

/** Whether a segment of the path ends at an index. A host of the same name does not count. */
function endsWithSegment(url: string, segment: string, end: number): boolean {
  return url.endsWith(segment, end) && url.charCodeAt(end - segment.length - 1) !== SLASH;
}

function pathEnd(url: string): number {
  const query = url.indexOf("?");
  const fragment = url.indexOf("#");
  if (query === -1) return fragment === -1 ? url.length : fragment;
  return fragment === -1 ? query : Math.min(query, fragment);
}

// The specification lets clients send the version as a query parameter instead of a header.
const VERSION_PARAMETER = /[?&]a2a-version=/i;
const EVIDENCE = ["a2a-version", "a2a-extensions", "x-a2a-extensions", "content-type", "accept"];
const A2A_JSON = "application/a2a+json";

/** Whether the URL or the headers show that a request is A2A: its version, its extensions, or its content type. */
function isA2A(url: string, headers: unknown): boolean {
  if (VERSION_PARAMETER.test(url)) return true;
  const found = readHeaders(headers, EVIDENCE);
  if (found === undefined) return false;
  if (found["a2a-version"] !== undefined || found["a2a-extensions"] !== undefined || found["x-a2a-extensions"] !== undefined)
    return true;
  return found["content-type"]?.includes(A2A_JSON) === true || found["accept"]?.includes(A2A_JSON) === true;
}

// By the JSON-RPC method names of versions 1.0 and 0.3.
const RPC: ReadonlyMap<string | undefined, A2ARecognition> = new Map(
  [
    ["SendMessage", "message/send"],
    ["SendStreamingMessage", "message/stream"],
    ["GetTask", "tasks/get"],
    ["ListTasks", "tasks/list"],
    ["CancelTask", "tasks/cancel"],
    ["SubscribeToTask", "tasks/resubscribe"],
    ["CreateTaskPushNotificationConfig", "tasks/pushNotificationConfig/set"],
    ["GetTaskPushNotificationConfig", "tasks/pushNotificationConfig/get"],
    ["ListTaskPushNotificationConfigs", "tasks/pushNotificationConfig/list"],
    ["DeleteTaskPushNotificationConfig", "tasks/pushNotificationConfig/delete"],
    ["GetExtendedAgentCard", "agent/getAuthenticatedExtendedCard"],
  ].flatMap(([name, legacy]) => {
    const recognition = rest(name, undefined);
    return [[name, recognition] as const, [legacy, recognition] as const];
  }),
);

const SLASH = 0x2f;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The property `method` at the top level of a JSON object; undefined if it is not within the searched part. */
function rpcMethod(body: string): string | undefined {
  const end = Math.min(body.length, SEARCHED_BODY_LENGTH);
  let depth = 0;
  let keyIsNext = false;
  for (let at = 0; at < end; at++) {
    const char = body[at];
    if (char === '"') {
      const close = stringEnd(body, at, end);
      if (close === -1) return undefined;
      if (keyIsNext && body.startsWith('"method"', at)) return stringValue(body, close + 1, end);
      keyIsNext = false;
      at = close;
    } else if (char === "{" || char === "[") {
      if (depth === 0 && char === "[") return undefined;
      depth++;
      keyIsNext = depth === 1;
    } else if (char === "}" || char === "]") {
      if (--depth <= 0) return undefined;
    } else if (char === "," && depth === 1) keyIsNext = true;
  }
  return undefined;
}

/** The index of the closing quote of the string that begins at `start`; -1 if it is not before `end`. */
function stringEnd(body: string, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    const code = body.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at;
  }
  return -1;
}

/** The string value of a key that ends before `afterKey`. */
function stringValue(body: string, afterKey: number, end: number): string | undefined {
  const start = skipSpace(body, skipSpace(body, afterKey) + 1);
  if (body.charCodeAt(start) !== QUOTE) return undefined;
  const close = stringEnd(body, start, end);
  // Some serialisers escape the slash.
  return close === -1 ? undefined : body.slice(start + 1, close).replaceAll("\\/", "/");
}

function skipSpace(body: string, from: number): number {
  let at = from;
  while (body.charCodeAt(at) <= 0x20) at++;
  return at;
}
