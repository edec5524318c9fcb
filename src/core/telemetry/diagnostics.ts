import { diag } from "@opentelemetry/api";
import { SENSITIVE_QUERY_PARAMETERS, redactText as redactTextOf, sensitiveQuery } from "../http/attributes.ts";

const sensitive = sensitiveQuery(SENSITIVE_QUERY_PARAMETERS);

/** A text that is shown to people, without the secrets of the URLs in it. */
export function redactText(text: string): string {
  return redactTextOf(text, sensitive);
}

const logger = diag.createComponentLogger({ namespace: "a2a-otel" });

/** Tells `diag` of a failure in somebody else's telemetry code (a hook, a propagator, a tracer), which never reaches the application. */
export function reportFailure(what: string, error: unknown): void {
  try {
    logger.error(`${what} threw; the request goes on without it`, withoutSecrets(error));
  } catch {
    // A logger that throws has no one left to tell.
  }
}

/** An error as it may be logged: as it is, unless its text, or the URL that node's own errors carry, has user info or a signature in it. */
function withoutSecrets(error: unknown): unknown {
  const { stack, input } = (typeof error === "object" && error !== null ? error : {}) as { stack?: unknown; input?: unknown };
  const text = typeof stack === "string" ? stack : String(error);
  const hasSecret = redactText(text) !== text || (typeof input === "string" && redactText(input) !== input);
  return hasSecret ? redactText(text) : error;
}

/** Warns on `diag`, once for each text. */
export function warnOnce(text: string): void {
  if (warned.has(text)) return;
  warned.add(text);
  try {
    logger.warn(text);
  } catch {
    // as above
  }
}

const warned = new Set<string>();

/** Runs a piece of somebody else's code; what it throws, now or as a promise, goes to `diag`. */
export function safeCall<Args extends unknown[], Result>(
  what: string,
  code: ((...args: Args) => Result) | undefined,
  ...args: Args
): Result | undefined {
  if (code === undefined) return undefined;
  try {
    const result = code(...args);
    if (result instanceof Promise) result.catch((error: unknown) => reportFailure(what, error));
    return result;
  } catch (error) {
    reportFailure(what, error);
    return undefined;
  }
}
