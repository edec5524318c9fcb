import { isRedirect } from "../../core/calls/client-call.ts";
import type { ClientCall } from "../../core/calls/client-call.ts";
import { isSameResource, parseUrl } from "../../core/http/urls.ts";

/** A redirect that a client may be about to follow. */
interface Redirect {
  readonly call: ClientCall;
  readonly url: string;
}

/**
 * The redirects of the current turn of the event loop. All clients request the target before it is over, or it is the application that requests it later. The
 * context does not identify the request: with a queued request, the response arrives in the context of another one.
 */
const redirects: Redirect[] = [];
// Fake timers of a test would never run it.
const { setImmediate } = globalThis;

/** Remembers where a response leads to. */
export function rememberRedirect(call: ClientCall, url: string, status: number, location: string | undefined): void {
  if (!isRedirect(status) || location === undefined) return;
  const target = parseUrl(location, url);
  if (target === undefined) return;
  redirects.push({ call, url: target.href });
  if (redirects.length === 1) setImmediate(() => redirects.splice(0));
}

/** The call whose response leads to a URL, if there is one. */
export function takeRedirect(url: string): ClientCall | undefined {
  if (redirects.length === 0) return undefined;
  const index = redirects.findIndex((redirect) => isSameResource(redirect.url, url));
  return index === -1 ? undefined : redirects.splice(index, 1)[0]?.call;
}
