import { guarded } from "../core/guard.ts";

/** What is read of express's request; express 4 and 5 agree on it. */
interface ExpressRequest {
  readonly route?: Route;
  readonly baseUrl?: string;
  /** Express 5's router is `router`; express 4's is `_router`, and its `router` throws. */
  readonly app?: { readonly router?: Router; readonly _router?: Router };
}

interface Route {
  readonly path: unknown;
}

interface Router {
  readonly stack?: readonly Layer[];
}

interface Layer {
  readonly route?: Route;
  readonly handle?: Router;
  /** The path that was given to `use`; express 5.3 and later. */
  readonly rawPath?: unknown;
  /** The parameters in that path, as descriptions or names; express 4 and 5.0 to 5.2. */
  readonly keys?: readonly unknown[];
}

/**
 * `http.route` of a request that express has handled: the path of its route below the paths of the routers that it is mounted in. Undefined
 * where there is no route, or where only the values of a mount path's parameters are known, for a route is of low cardinality.
 */
export function routeOf(request: unknown): string | undefined {
  return guarded("reading express's route", () => {
    const { route, baseUrl = "", app } = request as ExpressRequest;
    const path = route && template(route.path);
    if (route === undefined || path === undefined) return undefined;
    if (baseUrl === "") return path;
    const mount = mountPath(mountsOf(app?._router ?? app?.router, route), baseUrl);
    if (mount === undefined) return undefined;
    return path === "/" ? mount : mount + path;
  });
}

function template(path: unknown): string | undefined {
  if (typeof path === "string") return path;
  if (path instanceof RegExp) return String(path);
  return Array.isArray(path) ? path.map(template).join("|") : undefined;
}

/** The template of the path that a router is mounted at: as it was given, or the path itself where nothing in it varies. */
function mountPath(mounts: readonly Layer[][], baseUrl: string): string | undefined {
  const [only] = mounts;
  if (only === undefined) return undefined;
  if (mounts.length === 1 && only.every((layer) => typeof layer.rawPath === "string")) {
    return only.map((layer) => String(layer.rawPath).replace(/\/$/, "")).join("");
  }
  return mounts.every((layers) => layers.every(isFixed)) ? baseUrl : undefined;
}

function isFixed({ rawPath, keys }: Layer): boolean {
  return rawPath === undefined ? keys?.length === 0 : typeof rawPath === "string" && !/[:*?+(){}\\]/.test(rawPath);
}

const known = new WeakMap<Route, Layer[][]>();

/** The layers above a route, for each place that it is mounted in. */
function mountsOf(router: Router | undefined, route: Route): Layer[][] {
  let mounts = known.get(route);
  if (mounts === undefined) {
    mounts = [];
    search(router, route, [], mounts);
    if (mounts.length > 0) known.set(route, mounts);
  }
  return mounts;
}

function search(router: Router | undefined, route: Route, above: readonly Layer[], mounts: Layer[][]): void {
  for (const layer of router?.stack ?? []) {
    if (layer.route === route) mounts.push([...above]);
    else if (!above.includes(layer)) search(layer.handle, route, [...above, layer], mounts);
  }
}
