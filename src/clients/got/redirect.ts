import type { IncomingMessage } from "node:http";
import type { Options } from "got";

/** A response of Node's as got leaves it: `ok` is false for a redirect that got follows, also where a function of the application's decides. */
interface GotMessage extends IncomingMessage {
  readonly ok?: boolean;
}

// Versions 14 and 15 follow 300 and 304 too.
const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308]);

/** The `location` of a redirect; undefined for any other response. */
export function redirectLocation({ statusCode, headers }: IncomingMessage): string | undefined {
  return REDIRECT_STATUSES.has(statusCode as number) && headers.location ? headers.location : undefined;
}

/** Whether got follows a redirect. Known only once got's own listener for the response has run. */
export function isFollowed(response: IncomingMessage, { followRedirect }: Options): boolean {
  const { ok } = response as GotMessage;
  return ok === undefined ? followRedirect === true : !ok;
}

/**
 * Why got cannot follow a redirect; undefined if it can. got reports the failure through its promise or stream alone, after the body has ended.
 *
 * @param count how many redirects in a row there are, including this one.
 */
export function redirectFailure(location: string, count: number, { maxRedirects, url }: Options): unknown {
  if (count > maxRedirects) {
    const error = new Error(`Redirected ${maxRedirects} times. Aborting.`);
    return Object.assign(error, { name: "MaxRedirectsError", code: "ERR_TOO_MANY_REDIRECTS" });
  }
  try {
    // Node decodes headers as latin1; got decodes this one as UTF-8.
    const { protocol } = new URL(Buffer.from(location, "latin1").toString(), url);
    // A redirect to a UNIX socket is followed if the request came from the same socket.
    if (protocol === "http:" || protocol === "https:" || protocol === "unix:") return undefined;
    return Object.assign(new Error(`Unsupported protocol: ${protocol}`), { code: "ERR_UNSUPPORTED_PROTOCOL" });
  } catch (error) {
    return error;
  }
}
