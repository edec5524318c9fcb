import type { ClientCall } from "../../core/calls/client-call.ts";
import { withHeaders } from "../../core/propagation/carrier.ts";
import { initWithHeaders, isRequest } from "./arguments.ts";
import type { FetchArguments } from "./arguments.ts";

/** Puts the call's headers into a copy of the caller's init, in the caller's shape. Arguments that the platform refuses stay as they are. */
export function setFetchHeaders(args: FetchArguments, call: ClientCall): void {
  const [input, init] = args;
  const given = init?.headers;
  if (init !== undefined && init !== null && init !== Object(init)) return;
  if (given === null || (given !== undefined && typeof given !== "object")) return;
  const request = given === undefined && isRequest(input) ? input : undefined;
  const headers = withHeaders(given ?? request?.headers, call.headers ?? {}, call.replaced) as HeadersInit;
  args[1] = initWithHeaders(init, headers);
  // With an init that has any member, a Request loses its referrer, unless the init has it (Fetch standard, Request constructor).
  if (request !== undefined && isEmptyInit(init) && request.referrer !== "about:client" && keepsReferrer(request)) {
    args[1] = { ...args[1], referrer: request.referrer, referrerPolicy: request.referrerPolicy };
  }
}

/** RequestInit of the Fetch standard, with undici's `dispatcher`. */
const INIT_MEMBERS =
  "method headers body referrer referrerPolicy mode credentials cache redirect integrity keepalive signal duplex priority window dispatcher".split(
    " ",
  ) as (keyof RequestInit)[];

/** Whether an init is empty as the platform reads it: by name, so that inherited members count and undefined values do not. */
function isEmptyInit(init: RequestInit | null | undefined): boolean {
  return init === undefined || init === null || INIT_MEMBERS.every((name) => init[name] === undefined);
}

/** Whether this platform keeps the referrer of a Request that is made of another. Node 24 loses it, so this package must lose it too. */
function keepsReferrer({ url, referrer }: Request): boolean {
  return new Request(new Request(url, { referrer })).referrer === referrer;
}
