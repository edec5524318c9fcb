import { vi } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { instrumentFetch, wrapFetch } from "../../src/fetch.ts";
import { wrapGot } from "../../src/got.ts";
import { traceInterceptor } from "../../src/undici.ts";

/** The functions of one copy of the package. */
export interface PackageCopy {
  readonly instrumentAxios: typeof instrumentAxios;
  readonly instrumentFetch: typeof instrumentFetch;
  readonly wrapFetch: typeof wrapFetch;
  readonly wrapGot: typeof wrapGot;
  readonly traceInterceptor: typeof traceInterceptor;
}

export const thePackage: PackageCopy = { instrumentAxios, instrumentFetch, wrapFetch, wrapGot, traceInterceptor };

/** Another copy: modules of its own, as an application gets them from two versions in its dependency tree. */
export async function anotherCopy(): Promise<PackageCopy> {
  vi.resetModules();
  const [axios, fetch, got, undici] = await Promise.all([
    import("../../src/axios.ts"),
    import("../../src/fetch.ts"),
    import("../../src/got.ts"),
    import("../../src/undici.ts"),
  ]);
  return { ...axios, ...fetch, ...got, ...undici };
}
