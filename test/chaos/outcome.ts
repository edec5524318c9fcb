import { createHash } from "node:crypto";
import type { RunningCall } from "./call.ts";
import type { Told } from "./ways/way.ts";
import type { WireRequest } from "./wire/request-reader.ts";

/** Headers that carry a trace: those that may differ. */
const OF_TRACES = new Set(["traceparent", "tracestate", "baggage"]);

/** What became of a call, for its application and for the servers, in a text that is the same where they were. */
export function outcomeOf(call: RunningCall, settled: { told: Told } | { error: unknown }): string {
  const { notes, plan } = call;
  const isEarly = plan.abort !== undefined && plan.abort !== "at the hold" && plan.abort !== "when it is over";
  // Which of the two its client hears of first is a matter of turns.
  if (plan.body === "failing stream" && typeof plan.abort === "object") return "either";
  // The first chunk of a body that is cut right after it may be had or not.
  if (plan.way.leaves === "in the body" && plan.fault.isCut === true) return "either";
  // Whether a write or a read finds out that a connection is gone, and what has been told by then, is a race too.
  if (plan.fault.isRace === true) {
    return JSON.stringify("told" in settled ? { resolved: shown(settled.told) } : { rejected: (settled.error as Error).name });
  }
  return JSON.stringify({
    ...("told" in settled ? { resolved: shown(settled.told) } : { rejected: shownError(settled.error) }),
    // Nor how far its client has come, to the microtask.
    notes: isEarly || plan.fault.at !== undefined ? notes.filter((note) => !/^(?:body left|request|info)/.test(note)) : notes,
    // What is given up before the server has all of it may or may not have left, and what never was whole.
    ...(!isEarly && { requests: call.requests.filter(({ digest: body }) => body !== undefined).map(shownRequest) }),
  });
}

function shown({ status, headers = {}, body, more }: Told): unknown {
  const pairs = Symbol.iterator in headers ? [...(headers as Iterable<[string, unknown]>)] : Object.entries(headers);
  return {
    status,
    headers: digest(text(JSON.stringify(pairs))),
    body:
      body === undefined || body === null
        ? body
        : digest(typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body)),
    ...(more !== undefined && { more: JSON.parse(text(JSON.stringify(more))) as unknown }),
  };
}

/** An error as an application can see it: its class, its codes, its own properties, and what caused it. */
function shownError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error))
    return { value: text(JSON.stringify(error, (key, value: unknown) => (key === "stack" ? undefined : value))) };
  const { name, message, code, cause, errors } = error as Error & { code?: unknown; errors?: unknown[] };
  const { config, response } = error as { config?: object; response?: { status?: unknown; statusCode?: unknown } };
  return {
    type: error.constructor.name,
    name,
    message: text(message),
    code,
    keys: Object.keys(error).toSorted().join(),
    ...(config && { config: Object.keys(config).toSorted().join() }),
    ...(response && { status: response.status ?? response.statusCode }),
    ...(cause !== undefined && depth < 4 && { cause: shownError(cause, depth + 1) }),
    ...(Array.isArray(errors) && { errors: errors.map((one) => shownError(one, depth + 1)) }),
  };
}

function shownRequest({ method, path, headers, digest: body }: WireRequest): string {
  const others = headers.filter(([name]) => !OF_TRACES.has(name.toLowerCase())).map(([name, value]) => `${name}: ${value}`);
  return `${method} ${path} ${digest(text(others.join("\n")))} ${body}`;
}

/** A text without what differs between runs: ports, and addresses of memory. */
function text(original: unknown): string {
  return String(original)
    .replaceAll(/(127\.0\.0\.1|localhost|\]):\d+/g, "$1:PORT")
    .replaceAll(/"port":\d+/g, '"port":PORT')
    .replaceAll(/\b[\dA-F]{16}:error:/g, "error:");
}

function digest(data: string | Uint8Array): string {
  return `${data.length} ${createHash("sha1").update(data).digest("base64").slice(0, 10)}`;
}
