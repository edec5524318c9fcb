import type { Trio } from "../measure/trio.ts";
import { rowOptions } from "./options.ts";
import type { RowName, RowOptions, RowSpec } from "./options.ts";

/** A process loads what its row needs, and no other client. */
const MAKERS: Record<RowName, () => Promise<(options: RowOptions) => Trio>> = {
  fetch: async () => (await import("./fetch.ts")).fetchTrio,
  wrapFetch: async () => (await import("./fetch.ts")).wrapFetchTrio,
  undici: async () => (await import("./undici.ts")).undiciTrio,
  axios: async () => (await import("./axios.ts")).axiosTrio,
  got: async () => (await import("./got.ts")).gotTrio,
  server: async () => (await import("./server.ts")).serverTrio,
  inject: async () => (await import("./helpers.ts")).injectTrio,
  extract: async () => (await import("./helpers.ts")).extractTrio,
  noop: async () => (await import("./helpers.ts")).noopTrio,
};

export async function trioOf(spec: RowSpec): Promise<Trio> {
  const make = await MAKERS[spec.row]();
  return make(rowOptions(spec));
}
