/** Removes credentials from everything that is recorded on a span or logged. */

const REDACTED = "REDACTED";

/** Query keys whose values sign a URL (semconv `url.full`). */
export const SENSITIVE_QUERY_PARAMETERS: readonly string[] = [
  "X-Amz-Signature",
  "X-Amz-Credential",
  "X-Amz-Security-Token",
  "AWSAccessKeyId",
  "Signature",
  "sig",
  "X-Goog-Signature",
];

/** The expression that finds the values of the given query keys; undefined for none. */
export function sensitiveQuery(keys: readonly string[]): RegExp | undefined {
  if (keys.length === 0) return undefined;
  const names = keys.map((key) => key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  return new RegExp(`((?:^|[?&])(?:${names})=)[^&#]*`, "g");
}

const DEFAULT_SENSITIVE_QUERY = sensitiveQuery(SENSITIVE_QUERY_PARAMETERS);

/** `url.full`: without user info, and without the values of sensitive query parameters (semconv `url.full`). */
export function redactUrl(url: string, sensitive: RegExp | undefined): string {
  return redactQuery(url.includes("@") ? redactUserInfo(url) : url, sensitive);
}

/** A URL or a query whose sensitive parameters keep their keys and lose their values; everything else stays byte for byte. */
export function redactQuery(query: string, sensitive: RegExp | undefined): string {
  return sensitive !== undefined && query.includes("=") ? query.replace(sensitive, `$1${REDACTED}`) : query;
}

// What stands before the last "@" of an authority is user info; also in a URL that no parser accepts, and in each URL of a text.
const USER_INFO = /([/\\]{2})[^/\\?#\s"'<>]*@/g;
const USER_INFO_WITHOUT_SLASHES = /^[^/\\?#]*@/;

function redactUserInfo(text: string): string {
  return text.replace(USER_INFO, `$1${REDACTED}:${REDACTED}@`).replace(USER_INFO_WITHOUT_SLASHES, `${REDACTED}:${REDACTED}@`);
}

/** A message written by other code, whose URLs are redacted as {@link redactUrl} does it. */
export function redactText(text: string, sensitive: RegExp | undefined = DEFAULT_SENSITIVE_QUERY): string {
  const lines = text.replace(USER_INFO, `$1${REDACTED}:${REDACTED}@`).split("\n");
  // A value may extend to the end of its line, but not into the next line: the frames of a stack are kept.
  return lines.map((line) => redactQuery(line, sensitive)).join("\n");
}

/** Headers whose values are credentials: recorded as `REDACTED` even when asked for. */
const CREDENTIAL_HEADER =
  /^(?:authorization|proxy-authorization|cookie|set-cookie|x-amz-security-token|.*(?:api-?key|token|secret|password).*)$/;

/** The value that a span may carry for a header. */
export function redactHeader(name: string, value: string): string {
  return CREDENTIAL_HEADER.test(name) ? REDACTED : value;
}
