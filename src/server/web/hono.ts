import { safeCall } from "../../core/telemetry/diagnostics.ts";

/** What is read of Hono's context; all of Hono 4 agree on it. */
export interface HonoContext {
  readonly req: { readonly raw: Request };
  readonly env: unknown;
  readonly error: Error | undefined;
  readonly finalized: boolean;
  get res(): Response;
  set res(response: Response | undefined);
}

interface HonoRequest {
  /** Those that match the request, middleware too, in the order in which they run. */
  readonly matchedRoutes?: readonly RouterRoute[];
  /** Which of them was entered last. */
  readonly routeIndex?: number;
}

interface RouterRoute {
  readonly method: string;
  /** With the base paths of all apps that it was mounted in by `route()` and `basePath()`. */
  readonly path: string;
  readonly handler: Handler;
}

type Handler = (...args: never[]) => unknown;

/**
 * `http.route` of a request that Hono has handled: the path of the handler that has answered, or that would have if no middleware had.
 * Undefined where no handler matches, and for what is passed to another application by `mount()`.
 */
export function routeOf({ req }: HonoContext): string | undefined {
  return safeCall("reading Hono's route", () => {
    const { matchedRoutes = [], routeIndex = 0 } = req as HonoRequest;
    const found = matchedRoutes.slice(routeIndex).find(isEndpoint) ?? matchedRoutes.slice(0, routeIndex).findLast(isEndpoint);
    return found?.path;
  });
}

/** Hono keeps middleware as handlers of all methods, and tells it (`hono/dev`) by its taking a `next`; so do we. */
function isEndpoint({ method, handler }: RouterRoute): boolean {
  return method !== "ALL" || composed(handler).length < 2;
}

/** What Hono has wrapped, of an app that has an `onError` of its own: it is kept under a name, in older versions under a symbol. */
function composed(handler: Handler): Handler {
  const key = Reflect.ownKeys(handler).find((name) => /composed_?handler/i.test(String(name)));
  return key === undefined ? handler : composed(Reflect.get(handler, key) as Handler);
}

/** The error that an error handler has made a response of; not one that is an answer of the application's own (`HTTPException`). */
export function failureOf({ error }: HonoContext, response: Response | undefined): { readonly error: unknown } | undefined {
  return error === undefined || response === undefined || response.status < 500 || "getResponse" in error ? undefined : { error };
}
