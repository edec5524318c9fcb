import { readHeaders } from "../propagation/carrier.ts";

/** What a request tells of the A2A method that it calls. Values come from fixed lists: they make safe span names. */
export interface A2ARecognition {
  /** The v1 name of the method (`a2a.method.name`); undefined for the agent card, which no method fetches. */
  readonly method: string | undefined;
  /** The path from where A2A begins in it (`url.template`): neither base path nor tenant; undefined for JSON-RPC, whose URL is anything. */
  readonly template: string | undefined;
}

export const A2A_METHOD_NAME = "a2a.method.name";

/** How far into a body we look for its JSON-RPC method, in UTF-16 code units. */
export const BODY_LOOK = 4096;

/**
 * Recognises a request of A2A (versions 1.0 and 0.3) by its method, URL and headers, and in the mode `"body"` by a look at the first
 * {@link BODY_LOOK} characters of a JSON-RPC body whose headers show A2A.
 *
 * What costs least is asked first; a request that is not A2A is seen to be none by the end of its path, and nothing is allocated.
 *
 * @param method as it goes on the wire.
 * @param url a path, or an absolute URL.
 * @param headers in any shape that carriers have.
 * @param body only a string is looked at.
 */
export function recogniseA2A(
  mode: "headers" | "body",
  method: string,
  url: string,
  headers: unknown,
  body?: unknown,
): A2ARecognition | undefined {
  return confirmA2A(mode, method, recognisePath(method, url), headers, body);
}

/** What is left of {@link recogniseA2A} when the path is known. */
export function confirmA2A(
  mode: "headers" | "body",
  method: string,
  byPath: A2ARecognition | undefined,
  headers: unknown,
  body: unknown,
): A2ARecognition | undefined {
  if (byPath !== undefined) return !AMBIGUOUS.has(byPath) || isA2A(headers) ? byPath : undefined;
  if (mode !== "body" || method !== "POST" || typeof body !== "string") return undefined;
  return isA2A(headers) ? RPC.get(rpcMethod(body)) : undefined;
}

const rest = (method: string | undefined, template: string | undefined): A2ARecognition => Object.freeze({ method, template });

const AGENT_CARD = rest(undefined, "/.well-known/agent-card.json");
const SEND_MESSAGE = rest("SendMessage", "/message:send");
const SEND_STREAMING_MESSAGE = rest("SendStreamingMessage", "/message:stream");
const LIST_TASKS = rest("ListTasks", "/tasks");
const GET_TASK = rest("GetTask", "/tasks/{id}");
const CANCEL_TASK = rest("CancelTask", "/tasks/{id}:cancel");
const SUBSCRIBE_TO_TASK = rest("SubscribeToTask", "/tasks/{id}:subscribe");
const EXTENDED_CARD = rest("GetExtendedAgentCard", "/extendedAgentCard");
const EXTENDED_CARD_OF_V0_3 = rest("GetExtendedAgentCard", "/v1/card");
const CONFIGS = "/tasks/{id}/pushNotificationConfigs";
const CREATE_CONFIG = rest("CreateTaskPushNotificationConfig", CONFIGS);
const LIST_CONFIGS = rest("ListTaskPushNotificationConfigs", CONFIGS);
const GET_CONFIG = rest("GetTaskPushNotificationConfig", `${CONFIGS}/{configId}`);
const DELETE_CONFIG = rest("DeleteTaskPushNotificationConfig", `${CONFIGS}/{configId}`);

/** What is asked for by paths that other services have too: only A2A's headers tell. */
const AMBIGUOUS: ReadonlySet<A2ARecognition> = new Set([LIST_TASKS, GET_TASK, EXTENDED_CARD_OF_V0_3]);

/** A2A's REST paths, under any base path and with or without a tenant. */
export function recognisePath(method: string, url: string): A2ARecognition | undefined {
  const end = pathEnd(url);
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

/** What `/tasks/{id}` asks for, with the verb behind a colon that it may have. */
function recogniseTask(method: string, url: string, slash: number, end: number): A2ARecognition | undefined {
  const colon = url.lastIndexOf(":", end - 1);
  if (colon > slash) {
    if (colon === slash + 1) return undefined;
    if (method === "POST" && url.endsWith(":cancel", end)) return CANCEL_TASK;
    // The standard has GET; the SDK sends POST.
    return method !== "DELETE" && url.endsWith(":subscribe", end) ? SUBSCRIBE_TO_TASK : undefined;
  }
  return method === "GET" ? GET_TASK : undefined;
}

/** Whether `/tasks/{id}` stands before an index. */
function isBelowTask(url: string, index: number): boolean {
  const slash = url.lastIndexOf("/", index - 1);
  return slash > 0 && slash < index - 1 && endsWithSegment(url, "/tasks", slash);
}

/** Whether a segment of the path, and no host of that name, ends at an index. */
function endsWithSegment(url: string, segment: string, end: number): boolean {
  return url.endsWith(segment, end) && url.charCodeAt(end - segment.length - 1) !== SLASH;
}

function pathEnd(url: string): number {
  const query = url.indexOf("?");
  const fragment = url.indexOf("#");
  if (query === -1) return fragment === -1 ? url.length : fragment;
  return fragment === -1 ? query : Math.min(query, fragment);
}

const EVIDENCE = ["a2a-version", "a2a-extensions", "x-a2a-extensions", "content-type", "accept"];
const A2A_JSON = "application/a2a+json";

/** Whether headers show that a request is A2A: its version, its extensions, or its content type. */
function isA2A(headers: unknown): boolean {
  const found = readHeaders(headers, EVIDENCE);
  if (found === undefined) return false;
  if (found["a2a-version"] !== undefined || found["a2a-extensions"] !== undefined || found["x-a2a-extensions"] !== undefined)
    return true;
  return found["content-type"]?.includes(A2A_JSON) === true || found["accept"]?.includes(A2A_JSON) === true;
}

// From the JSON-RPC method names of v1.0 and v0.3 to v1.0's.
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

/** The `method` of a JSON object, at its top level and not in what it carries; undefined where it is not in sight. */
function rpcMethod(body: string): string | undefined {
  const end = Math.min(body.length, BODY_LOOK);
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

/** Where the string that begins at `start` has its closing quote; -1 where that is out of sight. */
function stringEnd(body: string, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    const code = body.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at;
  }
  return -1;
}

/** The string behind the colon of a key. */
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
