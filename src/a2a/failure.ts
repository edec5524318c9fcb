import { errorType } from "../core/http/errors.ts";
import { safeCall } from "../core/telemetry/diagnostics.ts";

const CAUSES_FOLLOWED = 4;

/** The JSON-RPC code of the errors that A2A defines, by the names of the SDK's classes (A2A specification, error code mappings). */
const CODES: ReadonlyMap<string, string> = new Map([
  ["TaskNotFoundError", "-32001"],
  ["TaskNotCancelableError", "-32002"],
  ["PushNotificationNotSupportedError", "-32003"],
  ["UnsupportedOperationError", "-32004"],
  ["ContentTypeNotSupportedError", "-32005"],
  ["InvalidAgentResponseError", "-32006"],
  ["ExtendedAgentCardNotConfiguredError", "-32007"],
  ["ExtensionSupportRequiredError", "-32008"],
  ["VersionNotSupportedError", "-32009"],
  ["RequestMalformedError", "-32602"],
]);
const INTERNAL_ERROR = "-32603";

interface SdkError {
  readonly name?: unknown;
  readonly envelopeCode?: unknown;
  readonly transport?: unknown;
  readonly statusCode?: unknown;
  readonly cause?: unknown;
}

/**
 * `error.type` of a failed call: the JSON-RPC code or the HTTP status that the agent answered with, else what any failure is called.
 */
export function receivedErrorType(error: unknown, signal: AbortSignal | undefined): string {
  return safeCall("reading an error", answered, error, CAUSES_FOLLOWED) ?? errorType(error, signal);
}

/** `error.type` of what a handler threw: the JSON-RPC code that the SDK's transport answers it with. */
export function answeredErrorType(error: unknown): string {
  return safeCall("reading an error", answered, error, 1) ?? INTERNAL_ERROR;
}

/** What an error of the SDK says that was answered. An error in mid-stream has the one with the code as its cause. */
function answered(error: unknown, depth: number): string | undefined {
  if (typeof error !== "object" || error === null || depth === 0) return undefined;
  const { envelopeCode, transport, statusCode, cause, name } = error as SdkError;
  if (typeof envelopeCode === "number") return String(envelopeCode);
  // In mid-stream it is the 200 that the stream began with.
  if (transport === "rest" && typeof statusCode === "number" && statusCode >= 400) return String(statusCode);
  // v0.3's REST transport throws the bare classes.
  return (typeof name === "string" ? CODES.get(name) : undefined) ?? answered(cause, depth - 1);
}
