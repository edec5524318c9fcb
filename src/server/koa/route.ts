import { splitTarget } from "../../core/http/server-attributes.ts";
import { safeCall } from "../../core/telemetry/diagnostics.ts";
import { routeTemplate } from "../route-template.ts";

/** What `@koa/router` and other middleware of Koa's organisation add to Koa's context. */
interface RoutedContext {
  readonly method: string;
  readonly originalUrl: string;
  /** The path of the layer of `@koa/router` that was entered last, with the prefixes of all routers. Layers are routes and middleware. */
  readonly _matchedRoute?: unknown;
  /** All layers whose path matches, in the order in which they run. */
  readonly matched?: readonly Layer[];
  /** The path of a route of `koa-route`. */
  readonly routePath?: unknown;
  /** The path of the last mount point of `koa-mount`, which has no parameters. */
  readonly mountPath?: unknown;
}

interface Layer {
  readonly path: unknown;
  /** Empty for middleware. */
  readonly methods: readonly string[];
  readonly regexp: RegExp;
}

/**
 * `http.route` of a request that a router has handled: the path of the route that responded, or that would have responded if the router's
 * middleware had not. Undefined if no route matches.
 */
export function koaRoute(ctx: unknown): string | undefined {
  return safeCall("reading Koa's route", () => {
    const { method, originalUrl, _matchedRoute, matched = [], routePath, mountPath } = ctx as RoutedContext;
    if (_matchedRoute === undefined) return routeTemplate(routePath);
    const isRoute = ({ methods }: Layer): boolean => methods.includes(method);
    const entered = Math.max(
      0,
      matched.findLastIndex(({ path }) => path === _matchedRoute),
    );
    const route = matched.slice(entered).find(isRoute) ?? matched.slice(0, entered).findLast(isRoute);
    const path = routeTemplate(route?.path ?? _matchedRoute);
    if (path === undefined || route === undefined || typeof mountPath !== "string") return path;
    const mount = mountPoint(splitTarget(originalUrl).path, mountPath, route);
    return path === "/" && mount !== "" ? mount : mount + path;
  });
}

/** The path that a router is mounted at. It is searched in the request's path, because of mount points in mount points only the last is known. */
function mountPoint(path: string, mountPath: string, { regexp }: Layer): string {
  const last = mountPath.replace(/\/$/, "");
  for (const { index } of path.matchAll(/(?=\/)|$/g)) {
    const mount = path.slice(0, index);
    if (mount.endsWith(last) && regexp.test(path.slice(index) || "/")) return mount;
  }
  return "";
}
