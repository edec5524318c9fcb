// By another name: what bundlers are told to put before an ES module declares `createRequire` too, for the CommonJS packages in it.
import { createRequire as requireFrom } from "node:module";
import axios from "axios";
import type { Axios, AxiosRequestConfig, InternalAxiosRequestConfig } from "axios";
import { safeCall } from "../../core/telemetry/diagnostics.ts";

/** What one build of axios resolves adapters and serialises parameters with. */
export interface Build {
  readonly getAdapter: (adapters: unknown, config: unknown) => (config: unknown) => unknown;
  readonly defaultAdapter: () => unknown;
  /** The fetch adapter for the global fetch, where there is one. */
  readonly fetchAdapter: () => unknown;
  readonly getUri: (config: AxiosRequestConfig) => string;
}

/** What a build's default export has. */
interface Static {
  readonly getAdapter: unknown;
  readonly AxiosHeaders: new () => object;
  readonly Axios: typeof Axios;
  readonly defaults: { readonly adapter?: unknown };
}

/**
 * The build of axios that an instance belongs to. An instance made by `create()` does not tell where it came from, but its requests'
 * headers do. Adapters of another build (ES module or CommonJS, or a second copy) would reject with errors that are no `AxiosError` of
 * the application's.
 */
export function buildOf(instance: unknown, request: InternalAxiosRequestConfig): Build {
  const { headers } = request;
  if (isStatic(instance)) return describeBuild(instance);
  if (headers instanceof axios.AxiosHeaders) return ours;
  return safeCall("looking for a build of axios", () => commonJsBuild(headers)) ?? ours;
}

const builds = new WeakMap<object, Build>();

function describeBuild(axiosStatic: Static): Build {
  let build = builds.get(axiosStatic);
  if (build === undefined) {
    const bare = new axiosStatic.Axios({});
    const resolve = axiosStatic.getAdapter as Build["getAdapter"];
    let fetchAdapter: unknown;
    build = {
      getAdapter: resolve,
      defaultAdapter: () => axiosStatic.defaults.adapter,
      fetchAdapter: () => (fetchAdapter ??= safeCall("looking for the fetch adapter of axios", resolve, "fetch", undefined)),
      getUri: (config) => bare.getUri(config),
    };
    builds.set(axiosStatic, build);
  }
  return build;
}

function isStatic(value: unknown): value is Static {
  const candidate = value as Partial<Static> | null | undefined;
  return typeof candidate?.getAdapter === "function" && typeof candidate.Axios === "function";
}

const ours: Build = describeBuild(axios);

/** The build, among the CommonJS modules that are loaded, that made the headers. */
function commonJsBuild(headers: object): Build | undefined {
  // All modules share one cache, so any path does. Not `import.meta.url`: bundled or transformed to CommonJS, a module has none.
  const { cache } = requireFrom("/");
  for (const [path, module] of Object.entries(cache)) {
    if (!/[\\/]axios[\\/]/.test(path)) continue;
    const exports: unknown = module?.exports;
    if (isStatic(exports) && headers instanceof exports.AxiosHeaders) return describeBuild(exports);
  }
  return undefined;
}
