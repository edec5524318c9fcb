import { diag } from "@opentelemetry/api";
import { redactText } from "../http/redaction.ts";

const logger = diag.createComponentLogger({ namespace: "a2a-otel" });

/** Logs a failure in a hook, a propagator or another part of the telemetry set-up. Such failures never reach the application. */
export function reportFailure(what: string, error: unknown): void {
  try {
    logger.error(`${what} threw; the request goes on without it`, withoutSecrets(error));
  } catch {
    // The logger itself throws: there is no other place to report to.
  }
}

/**
 * The error itself, or its redacted text where that contains a secret. Node's `ERR_INVALID_URL` errors have the URL in `input`, which loggers
 * print too.
 */
function withoutSecrets(error: unknown): unknown {
  const { stack, input } = (typeof error === "object" && error !== null ? error : {}) as { stack?: unknown; input?: unknown };
  const text = typeof stack === "string" ? stack : String(error);
  const hasSecret = redactText(text) !== text || (typeof input === "string" && redactText(input) !== input);
  return hasSecret ? redactText(text) : error;
}

/** Logs a warning, once for each text. */
export function warnOnce(text: string): void {
  if (warned.has(text)) return;
  warned.add(text);
  try {
    logger.warn(text);
  } catch {
    // As above.
  }
}

const warned = new Set<string>();

/** Runs code that is not ours, such as a hook. What it throws, or what its promise rejects with, is logged. */
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
