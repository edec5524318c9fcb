import { errorType } from "../core/http/errors.ts";
import { safeCall } from "../core/telemetry/diagnostics.ts";

const CAUSES_FOLLOWED = 4;

// The JSON-RPC codes of the errors that A2A defines, by the names of the SDK's classes (A2A specification, error code mappings).
const JSON_RPC_CODES: ReadonlyMap<string, string> = new Map([
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

/** `error.type` of a failed call: the JSON-RPC code or the HTTP status of the agent's response, or else the type of the error itself. */
export function clientErrorType(error: unknown, signal: AbortSignal | undefined): string {
  return safeCall("reading an error", protocolErrorCode, error, CAUSES_FOLLOWED) ?? errorType(error, signal);
}

/** `error.type` of an error that a handler threw: the JSON-RPC code with which the SDK's transport responds to it. */
export function handlerErrorType(error: unknown): string {
  return safeCall("reading an error", protocolErrorCode, error, 1) ?? INTERNAL_ERROR;
}

/** The JSON-RPC code or HTTP status in an error of the SDK. The error of a stream that breaks off has it in its cause. */
function protocolErrorCode(error: unknown, depth: number): string | undefined {
  if (typeof error !== "object" || error === null || depth === 0) return undefined;
  const { envelopeCode, transport, statusCode, cause, name } = error as SdkError;
  if (typeof envelopeCode === "number") return String(envelopeCode);
  // For a stream that breaks off, the status is the 200 with which it began.
  if (transport === "rest" && typeof statusCode === "number" && statusCode >= 400) return String(statusCode);
  // The REST transport of v0.3 throws errors without a code.
  return (typeof name === "string" ? JSON_RPC_CODES.get(name) : undefined) ?? protocolErrorCode(cause, depth - 1);
}
