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

/** Finds the values of the query parameters that are redacted by default. */
export const DEFAULT_SENSITIVE_QUERY: RegExp | undefined = sensitiveQuery(SENSITIVE_QUERY_PARAMETERS);

/** `url.full`: without user info, and without the values of sensitive query parameters (semconv `url.full`). */
export function redactUrl(url: string, sensitive: RegExp | undefined): string {
  return redactQuery(url.includes("@") ? redactUserInfoOfUrl(url) : url, sensitive);
}

/** `url.query`: sensitive parameters keep their keys and lose their values. Everything else stays byte for byte. */
export function redactQuery(query: string, sensitive: RegExp | undefined): string {
  return sensitive !== undefined && query.includes("=") ? query.replace(sensitive, `$1${REDACTED}`) : query;
}

const REDACTED_USER_INFO = `$1${REDACTED}:${REDACTED}@`;

// In a URL, everything before the last "@" of the authority is user info, whatever characters it has. The URL may have no scheme, and may contain
// other URLs. A password with an unescaped "/", "?" or "#" looks like a port that is not a number.
const USER_INFO = /(^|[/\\]{2})[^/\\?#]*@/g;
const UNESCAPED_PASSWORD = /([/\\]{2})(?!\[)[^/\\?#@\s:]*:(?!\d{0,5}[/\\?#])[^/\\?#@\s]*[/\\?#]\S{0,512}@/g;

function redactUserInfoOfUrl(url: string): string {
  return url.replace(USER_INFO, REDACTED_USER_INFO).replace(UNESCAPED_PASSWORD, REDACTED_USER_INFO);
}

// In a text, it is not known where a URL ends. A user name is taken to end at white space, but a password is not: `URL` removes tabs and newlines,
// and error messages contain them.
const USER_NAME = /([/\\]{2})[^/\\?#\s]*@/g;
const USER_NAME_AND_PASSWORD = /([/\\]{2})[^/\\?#@\s:]*:[^/\\?#]*@/g;

function redactUserInfo(text: string): string {
  return text
    .replace(USER_NAME_AND_PASSWORD, REDACTED_USER_INFO)
    .replace(USER_NAME, REDACTED_USER_INFO)
    .replace(UNESCAPED_PASSWORD, REDACTED_USER_INFO);
}

// A stack frame: "    at send (file.js:1:2)" in V8, "send@https://a.example/file.js:1:2" elsewhere.
const BEFORE_STACK_FRAME = /(?=\n\s*at |\n[\w$./<*]*@[a-z]+:\/\/)/;

/**
 * A message or stack written by other code, whose URLs are redacted as {@link redactUrl} does it. Where it is not clear which characters belong to a
 * secret, more is removed rather than less, but never a stack frame for the value of a query parameter.
 */
export function redactUrlsInText(text: string, sensitive: RegExp | undefined): string {
  const withoutUserInfo = text.includes("@") ? redactUserInfo(text) : text;
  const parts = withoutUserInfo.split(BEFORE_STACK_FRAME);
  return parts.map((part) => redactQuery(part, sensitive)).join("");
}

/** A message of this package for logs and errors: also parameters whose names look like credentials lose their values. */
export function redactMessage(text: string): string {
  return redactQuery(redactUrlsInText(text, DEFAULT_SENSITIVE_QUERY), CREDENTIAL_PARAMETER);
}

const CREDENTIAL_WORD =
  "auth(?!or)|authoriz|token|secret|key|cookie|session|jwt|signature|credential|passw|passphrase|pwd|dpop|assertion|csrf|xsrf|hmac|saml";
const CREDENTIAL_HEADER = new RegExp(`${CREDENTIAL_WORD}|(?:^|[-_])(?:otp|sig|sid)(?:$|[-_])`);
// Headers such as `x-ratelimit-remaining-tokens` count the tokens of a model.
const RATE_LIMIT_HEADER = /^(?:[a-z]+-)?ratelimit-[a-z-]+$/;
const CREDENTIAL_PARAMETER = new RegExp(`([?&#][^=&#\\s]*(?:${CREDENTIAL_WORD})[^=&#\\s]*=)[^&#\\s]*`, "gi");

/**
 * The value that a span may carry for a header. Headers whose names look like those of credentials are redacted as a whole, for example every header
 * with "auth", "token", "secret" or "key" in its name; in all others URLs are redacted.
 *
 * @param name in lower case.
 */
export function redactHeader(name: string, value: string, sensitive: RegExp | undefined): string {
  if (CREDENTIAL_HEADER.test(name) && !RATE_LIMIT_HEADER.test(name)) return REDACTED;
  return redactQuery(redactUrlsInText(value, sensitive), CREDENTIAL_PARAMETER);
}
