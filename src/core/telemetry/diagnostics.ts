import { diag } from "@opentelemetry/api";
import { redactMessage } from "../http/redaction.ts";

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
 * The error itself, or its redacted text where it contains a secret. Loggers print causes too, and the `input` of Node's `ERR_INVALID_URL`, which is
 * the URL.
 */
function withoutSecrets(error: unknown): unknown {
  const hasSecret = (text: unknown): boolean => typeof text === "string" && redactMessage(text) !== text;
  let depth = 0;
  for (let cause = error; isObject(cause) && depth < MAX_CAUSE_DEPTH; cause = cause["cause"], depth++) {
    const { stack, message, input } = cause;
    if (hasSecret(stack) || hasSecret(message) || hasSecret(input)) return redactMessage(stackOrText(error));
  }
  return hasSecret(stackOrText(error)) ? redactMessage(stackOrText(error)) : error;
}

const MAX_CAUSE_DEPTH = 8;

function stackOrText(error: unknown): string {
  return isObject(error) && typeof error["stack"] === "string" ? error["stack"] : String(error);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
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

export const warned: Set<string> = new Set();

/** Runs code that may fail, such as a hook. An error that it throws, or with which its promise rejects, is logged. */
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
