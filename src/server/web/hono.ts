import { safeCall } from "../../core/telemetry/diagnostics.ts";

/** The part of Hono's context that is read; it is the same in all versions of Hono 4. */
export interface HonoContext {
  readonly req: { readonly raw: Request };
  readonly env: unknown;
  readonly error: Error | undefined;
  readonly finalized: boolean;
  get res(): Response;
  set res(response: Response | undefined);
}

interface HonoRequest {
  /** The routes that match the request, including middleware, in the order in which they run. */
  readonly matchedRoutes?: readonly RouterRoute[];
  /** The index of the route that was entered last. */
  readonly routeIndex?: number;
}

interface RouterRoute {
  readonly method: string;
  /** Includes the base paths of all apps that it was mounted in with `route()` and `basePath()`. */
  readonly path: string;
  readonly handler: Handler;
}

type Handler = (...args: never[]) => unknown;

/**
 * `http.route` of a request that Hono has handled: the path of the handler that responded, or that would have responded if middleware had not.
 * Undefined if no handler matches, and for requests that `mount()` passes to another application.
 */
export function honoRoute({ req }: HonoContext): string | undefined {
  return safeCall("reading Hono's route", () => {
    const { matchedRoutes = [], routeIndex = 0 } = req as HonoRequest;
    const found = matchedRoutes.slice(routeIndex).find(isEndpoint) ?? matchedRoutes.slice(0, routeIndex).findLast(isEndpoint);
    return found?.path;
  });
}

/** Hono keeps middleware as handlers of all methods. Like `hono/dev`, this takes a handler with a `next` parameter for middleware. */
function isEndpoint({ method, handler }: RouterRoute): boolean {
  return method !== "ALL" || unwrapHandler(handler).length < 2;
}

/** The handler inside Hono's wrapper of a mounted app that has its own `onError`. The key is a name, or a symbol in older versions. */
function unwrapHandler(handler: Handler): Handler {
  const key = Reflect.ownKeys(handler).find((name) => /composed_?handler/i.test(String(name)));
  return key === undefined ? handler : unwrapHandler(Reflect.get(handler, key) as Handler);
}

/** The error behind a response of 500 and above. An `HTTPException` is a response that the application has chosen, and not a failure. */
export function handlerFailure({ error }: HonoContext, response: Response | undefined): { readonly error: unknown } | undefined {
  return error === undefined || response === undefined || response.status < 500 || "getResponse" in error ? undefined : { error };
}
