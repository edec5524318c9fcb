// Imported under another name, because a banner that bundlers are configured to put before ES modules often declares `createRequire`.
import { createRequire as requireFrom } from "node:module";
import axios from "axios";
import type { Axios, AxiosRequestConfig, InternalAxiosRequestConfig } from "axios";
import { safeCall } from "../../core/telemetry/diagnostics.ts";

/** The functions with which one build of axios resolves adapters and serializes parameters. */
export interface Build {
  readonly getAdapter: (adapters: unknown, config: unknown) => (config: unknown) => unknown;
  readonly defaultAdapter: () => unknown;
  /** The fetch adapter for the global fetch; undefined if there is none. */
  readonly fetchAdapter: () => unknown;
  readonly getUri: (config: AxiosRequestConfig) => string;
}

/** The properties of a build's default export that are used. */
interface AxiosExport {
  readonly getAdapter: unknown;
  readonly AxiosHeaders: new () => object;
  readonly Axios: typeof Axios;
  readonly defaults: { readonly adapter?: unknown };
}

/**
 * Finds the build of axios that an instance belongs to: ES module, CommonJS, or another copy. An adapter of another build would reject with errors that are
 * not an `AxiosError` of the application's. An instance made by `create()` does not refer to its build, but the headers of its requests do.
 */
export function findBuild(instance: unknown, { headers }: InternalAxiosRequestConfig): Build {
  if (isAxiosExport(instance)) return describeBuild(instance);
  if (headers instanceof axios.AxiosHeaders) return importedBuild;
  return safeCall("finding the build of axios", findCommonJsBuild, headers) ?? importedBuild;
}

const builds = new WeakMap<object, Build>();

function describeBuild(axiosExport: AxiosExport): Build {
  let build = builds.get(axiosExport);
  if (build === undefined) {
    const bare = new axiosExport.Axios({});
    const resolve = axiosExport.getAdapter as Build["getAdapter"];
    let fetchAdapter: unknown;
    build = {
      getAdapter: resolve,
      defaultAdapter: () => axiosExport.defaults.adapter,
      fetchAdapter: () => (fetchAdapter ??= safeCall("finding the fetch adapter of axios", resolve, "fetch", undefined)),
      getUri: (config) => bare.getUri(config),
    };
    builds.set(axiosExport, build);
  }
  return build;
}

function isAxiosExport(value: unknown): value is AxiosExport {
  const candidate = value as Partial<AxiosExport> | null | undefined;
  return typeof candidate?.getAdapter === "function" && typeof candidate.Axios === "function";
}

/** The build that this module imports. */
const importedBuild: Build = describeBuild(axios);

/** Finds the build that made the headers among the CommonJS modules that are loaded. */
function findCommonJsBuild(headers: object): Build | undefined {
  // All modules share one cache, so the path does not matter. `import.meta.url` is undefined in a bundle for CommonJS.
  const { cache } = requireFrom("/");
  for (const [path, module] of Object.entries(cache)) {
    if (!/[\\/]axios[\\/]/.test(path)) continue;
    const exports: unknown = module?.exports;
    if (isAxiosExport(exports) && headers instanceof exports.AxiosHeaders) return describeBuild(exports);
  }
  return undefined;
}
