import { safeCall } from "../../core/telemetry/diagnostics.ts";
import { routeTemplate, unescapePath } from "../route-template.ts";

/** The part of express's request that is read; it is the same in express 4 and 5. */
interface ExpressRequest {
  readonly route?: Route;
  readonly baseUrl?: string;
  readonly originalUrl?: string;
  readonly app?: App;
}

interface Route {
  readonly path: unknown;
}

interface App {
  /** The router in express 5. In express 4 it is `_router`, and `router` is a getter that throws. */
  readonly router?: Router;
  readonly _router?: Router;
  /** The app that this one is mounted in, and the path that was given for it. */
  readonly parent?: App;
  readonly mountpath?: unknown;
}

interface Router {
  readonly stack?: readonly Layer[];
}

interface Layer {
  readonly route?: Route;
  readonly handle?: Router;
  /** The path as the application wrote it; since router 2.3. */
  readonly rawPath?: unknown;
  /** Matches the beginning of a path. If it returns `true`, the match is in `path` and `keys`. */
  readonly match?: (path: string) => Match | boolean;
  readonly path?: string;
  /** The parameters in the path. */
  readonly keys?: readonly unknown[];
}

interface Match {
  readonly path?: string;
  readonly pattern?: unknown;
  readonly keys?: readonly unknown[];
}

/**
 * `http.route` of a request that express has handled: the path of its route below the mount paths of its routers and apps. Undefined if there is
 * no route, or if only the values of a mount path's parameters are known, because a route must have low cardinality.
 *
 * The mount paths are searched in the routers, since the request's `baseUrl` is empty after a router has passed on an error.
 */
export function expressRoute(request: unknown): string | undefined {
  return safeCall("reading express's route", () => {
    const { route, app, baseUrl = "", originalUrl = "" } = request as ExpressRequest;
    const path = route && routeTemplate(route.path);
    if (route === undefined || path === undefined) return undefined;
    if (app === undefined) return baseUrl === "" ? path : undefined; // a router without express
    const mount = mountPath(app, route, originalUrl.replace(/\?.*/s, ""));
    if (mount === undefined) return undefined;
    return path === "/" && mount !== "" ? mount : mount + path;
  });
}

function mountPath(app: App, route: Route, path: string): string | undefined {
  const outer = appPath(app);
  const { _router: router = app.router } = app;
  const chains = chainsTo(route, router);
  const [only] = chains;
  if (outer === undefined || only === undefined) return undefined;
  const mounts = only.slice(0, -1);
  if (chains.length === 1 && mounts.every((layer) => typeof layer.rawPath === "string")) {
    return outer + mounts.map((layer) => mountTemplate(String(layer.rawPath))).join("");
  }
  if (!path.startsWith(outer)) return undefined;
  for (const chain of chains) {
    const found = matchChain(chain, path.slice(outer.length));
    if (found !== undefined) return found.mount === undefined ? undefined : outer + found.mount;
  }
  return undefined;
}

/** The template of the path that an app is mounted at; undefined if it is one of several. */
function appPath({ parent, mountpath }: App): string | undefined {
  if (parent === undefined) return "";
  const outer = appPath(parent);
  return outer === undefined || typeof mountpath !== "string" ? undefined : outer + mountTemplate(mountpath);
}

function mountTemplate(path: string): string {
  return unescapePath(path).replace(/\/$/, "");
}

const cachedChains = new WeakMap<Route, { readonly router: Router | undefined; readonly chains: Layer[][] }>();

/** For each place in which a route is mounted, the layers that lead to it, with the route's own layer last. */
function chainsTo(route: Route, router: Router | undefined): Layer[][] {
  const cached = cachedChains.get(route);
  // A router can be mounted in several apps.
  if (cached !== undefined && cached.router === router) return cached.chains;
  const chains: Layer[][] = [];
  search(router, route, [], chains);
  if (chains.length > 0) cachedChains.set(route, { router, chains });
  return chains;
}

function search(router: Router | undefined, route: Route, above: readonly Layer[], chains: Layer[][]): void {
  for (const layer of router?.stack ?? []) {
    if (layer.route === route) chains.push([...above, layer]);
    else if (!above.includes(layer)) search(layer.handle, route, [...above, layer], chains);
  }
}

/** Undefined if the layers do not match a path. If they do, but the template of a layer is not known, `mount` is undefined. */
function matchChain(chain: readonly Layer[], path: string): { mount: string | undefined } | undefined {
  let mount: string | undefined = "";
  let rest = path;
  for (const layer of chain) {
    const match = layer.match?.(rest === "" ? "/" : rest);
    if (!match) return undefined;
    const { path: text = "", pattern, keys }: Match = match === true ? layer : match;
    rest = rest.slice(text.length);
    if (layer === chain.at(-1)) break;
    // Before router 2.3 the template is not known. A path without parameters is its own template.
    const part = typeof pattern === "string" ? pattern : keys?.length === 0 ? text : undefined;
    mount = mount === undefined || part === undefined ? undefined : mount + mountTemplate(part);
  }
  return { mount };
}
