import { createHash } from "node:crypto";
import type { RunningCall } from "./call.ts";
import type { Received, Settled } from "./clients/usage.ts";
import type { WireRequest } from "./faults/request-reader.ts";

/** The propagation headers, which may differ. */
const PROPAGATION_HEADERS = new Set(["traceparent", "tracestate", "baggage"]);

/** The outcome of a call for application and servers, as a string that is equal for equal outcomes. */
export function outcomeOf(call: RunningCall, settled: Settled): string {
  const { notes, plan } = call;
  const isEarly = plan.abort !== undefined && plan.abort !== "at the hold" && plan.abort !== "when it is over";
  // Which of the two failures the client sees first is a race.
  if (plan.body === "failing stream" && typeof plan.abort === "object") return "either";
  // The first chunk of a body that is truncated right after it may or may not arrive.
  if (plan.usage.leaves === "in the body" && plan.fault.isCut === true) return "either";
  // Whether a write or a read notices a closed connection first is a race too.
  if (plan.fault.isRace === true) {
    return JSON.stringify(
      "received" in settled ? { resolved: shown(settled.received) } : { rejected: (settled.error as Error).name },
    );
  }
  return JSON.stringify({
    ...("received" in settled ? { resolved: shown(settled.received) } : { rejected: shownError(settled.error) }),
    // How far the client has got is a race too.
    notes: isEarly || plan.fault.at !== undefined ? notes.filter((note) => !/^(?:body left|request|info)/.test(note)) : notes,
    // A request that is aborted early may or may not reach the server.
    ...(!isEarly && { requests: call.requests.filter(({ digest: body }) => body !== undefined).map(shownRequest) }),
  });
}

function shown({ status, headers = {}, body, more }: Received): unknown {
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

/** What an application sees of an error: class, codes, own properties and cause. */
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
  const others = headers
    .filter(([name]) => !PROPAGATION_HEADERS.has(name.toLowerCase()))
    .map(([name, value]) => `${name}: ${value}`);
  return `${method} ${path} ${digest(text(others.join("\n")))} ${body}`;
}

/** A text without what differs between runs: ports and memory addresses. */
function text(original: unknown): string {
  return String(original)
    .replaceAll(/(127\.0\.0\.1|localhost|\]):\d+/g, "$1:PORT")
    .replaceAll(/"port":\d+/g, '"port":PORT')
    .replaceAll(/\b[\dA-F]{16}:error:/g, "error:");
}

function digest(data: string | Uint8Array): string {
  return `${data.length} ${createHash("sha1").update(data).digest("base64").slice(0, 10)}`;
}
