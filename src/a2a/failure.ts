import { errorType, isCancellation, isRecordedException, statusDescription } from "../core/http/errors.ts";
import { DEFAULT_SENSITIVE_QUERY } from "../core/http/redaction.ts";
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

// The names of gRPC's status codes, by number.
const GRPC_STATUS = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];
const GRPC_CANCELLED = 1;

interface SdkError {
  readonly name?: unknown;
  readonly envelopeCode?: unknown;
  readonly transport?: unknown;
  readonly statusCode?: unknown;
  readonly status?: unknown;
  readonly cause?: unknown;
}

/** What is recorded of a failed call. */
export interface Failure {
  /** `error.type`. */
  readonly type: string;
  /** The description of the span's status; undefined if the type is an HTTP status, which needs none. */
  readonly description?: string | undefined;
  /** The exception to record; undefined for an error that the protocol defines, and for one that the HTTP span has recorded. */
  readonly exception?: unknown;
}

/** The failure of a call by a client; undefined for a cancellation by its signal, which is not an error. */
export function clientFailure(error: unknown, signal: AbortSignal | undefined): Failure | undefined {
  // The gRPC transport reports a call that its signal has ended as a status, without the signal's reason.
  const reason: unknown = signal?.aborted === true && isGrpcCancellation(error) ? signal.reason : error;
  if (isCancellation(reason, signal)) return undefined;
  const answered = reason === error ? safeCall("reading an error", protocolError, error, CAUSES_FOLLOWED) : undefined;
  return describeFailure(reason, answered, () => errorType(reason, signal));
}

/** The failure of a handler, with the JSON-RPC code with which the SDK's transport responds to its error. */
export function handlerFailure(error: unknown): Failure {
  const answered = safeCall("reading an error", protocolError, error, 1);
  return describeFailure(error, answered, () => INTERNAL_ERROR);
}

function describeFailure(error: unknown, answered: ProtocolError | undefined, typeOfException: () => string): Failure {
  if (answered?.isHttpStatus === true) return { type: answered.code };
  const description = safeCall("reading an error", statusDescription, error, DEFAULT_SENSITIVE_QUERY);
  if (answered !== undefined) return { type: answered.code, description };
  return { type: typeOfException(), description, exception: isRecordedException(error) ? undefined : error };
}

/** An error as the other side has described it. */
interface ProtocolError {
  /** The JSON-RPC code, the name of the gRPC status, or the HTTP status. */
  readonly code: string;
  readonly isHttpStatus: boolean;
}

/** Reads an error of the SDK. The error of a stream that breaks off has the other side's error in its cause. */
function protocolError(error: unknown, depth: number): ProtocolError | undefined {
  if (typeof error !== "object" || error === null || depth === 0) return undefined;
  const { envelopeCode, transport, statusCode, status, cause, name } = error as SdkError;
  if (typeof envelopeCode === "number") return { code: String(envelopeCode), isHttpStatus: false };
  if (transport === "grpc" && typeof status === "number") {
    return { code: GRPC_STATUS[status] ?? String(status), isHttpStatus: false };
  }
  // For a stream that breaks off, the status is the 200 with which it began.
  if (transport === "rest" && typeof statusCode === "number" && statusCode >= 400) {
    return { code: String(statusCode), isHttpStatus: true };
  }
  // The REST transport of v0.3 throws errors without a code.
  const code = typeof name === "string" ? JSON_RPC_CODES.get(name) : undefined;
  return code === undefined ? protocolError(cause, depth - 1) : { code, isHttpStatus: false };
}

function isGrpcCancellation(error: unknown): boolean {
  const { transport, status } = (error ?? {}) as SdkError;
  return transport === "grpc" && status === GRPC_CANCELLED;
}
