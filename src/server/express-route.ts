import { safeCall } from "../core/telemetry/diagnostics.ts";

/** What is read of express's request; express 4 and 5 agree on it. */
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
  /** Express 5's router is `router`; express 4's is `_router`, and its `router` throws. */
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
  /** The path that was given; express with router 2.3 and later. */
  readonly rawPath?: unknown;
  /** Matches the beginning of a path. True: what it matched is in `path` and `keys`. */
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
 * `http.route` of a request that express has handled: the path of its route below the paths that its routers and apps are mounted at.
 * Undefined where there is no route, or where only the values of a mount path's parameters are known, for a route is of low cardinality.
 *
 * The request's `baseUrl` does not tell the mount paths: it is empty again when a router has passed an error on.
 */
export function routeOf(request: unknown): string | undefined {
  return safeCall("reading express's route", () => {
    const { route, app, baseUrl = "", originalUrl = "" } = request as ExpressRequest;
    const path = route && template(route.path);
    if (route === undefined || path === undefined) return undefined;
    if (app === undefined) return baseUrl === "" ? path : undefined; // a router without express
    const mount = mountPath(app, route, originalUrl.replace(/\?.*/s, ""));
    if (mount === undefined) return undefined;
    return path === "/" && mount !== "" ? mount : mount + path;
  });
}

function template(path: unknown): string | undefined {
  if (typeof path === "string") return path;
  if (path instanceof RegExp) return String(path);
  return Array.isArray(path) ? path.map(template).join("|") : undefined;
}

function mountPath(app: App, route: Route, path: string): string | undefined {
  const outer = appPath(app);
  const { _router: router = app.router } = app;
  const chains = chainsTo(route, router);
  const [only] = chains;
  if (outer === undefined || only === undefined) return undefined;
  const mounts = only.slice(0, -1);
  if (chains.length === 1 && mounts.every((layer) => typeof layer.rawPath === "string")) {
    return outer + mounts.map((layer) => withoutSlash(String(layer.rawPath))).join("");
  }
  if (!path.startsWith(outer)) return undefined;
  for (const chain of chains) {
    const found = follow(chain, path.slice(outer.length));
    if (found !== undefined) return found.mount === undefined ? undefined : outer + found.mount;
  }
  return undefined;
}

/** The template of the path that an app is mounted at; undefined where it is one of several. */
function appPath({ parent, mountpath }: App): string | undefined {
  if (parent === undefined) return "";
  const outer = appPath(parent);
  return outer === undefined || typeof mountpath !== "string" ? undefined : outer + withoutSlash(mountpath);
}

function withoutSlash(path: string): string {
  return path.replace(/\/$/, "");
}

const known = new WeakMap<Route, { readonly router: Router | undefined; readonly chains: Layer[][] }>();

/** The layers that lead to a route, its own the last, for each place that it is mounted in. */
function chainsTo(route: Route, router: Router | undefined): Layer[][] {
  const found = known.get(route);
  // A router can be mounted in several apps.
  if (found !== undefined && found.router === router) return found.chains;
  const chains: Layer[][] = [];
  search(router, route, [], chains);
  if (chains.length > 0) known.set(route, { router, chains });
  return chains;
}

function search(router: Router | undefined, route: Route, above: readonly Layer[], chains: Layer[][]): void {
  for (const layer of router?.stack ?? []) {
    if (layer.route === route) chains.push([...above, layer]);
    else if (!above.includes(layer)) search(layer.handle, route, [...above, layer], chains);
  }
}

/** Undefined where a path does not lead along the layers; without a mount path where it does, but no template is known. */
function follow(chain: readonly Layer[], path: string): { mount: string | undefined } | undefined {
  let mount: string | undefined = "";
  let rest = path;
  for (const layer of chain) {
    const match = layer.match?.(rest === "" ? "/" : rest);
    if (!match) return undefined;
    const { path: text = "", pattern, keys }: Match = match === true ? layer : match;
    rest = rest.slice(text.length);
    if (layer === chain.at(-1)) break;
    // Before router 2.3 the template is not known; where nothing in it varies, it is what it matched.
    const part = typeof pattern === "string" ? pattern : keys?.length === 0 ? text : undefined;
    mount = mount === undefined || part === undefined ? undefined : mount + withoutSlash(part);
  }
  return { mount };
}
