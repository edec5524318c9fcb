import type { CallVariants } from "../measure/calls.ts";
import { scenarioInputs } from "./scenario.ts";
import type { Scenario, ScenarioInputs, Subject } from "./scenario.ts";

/** Each process loads only the client that it measures. */
const FACTORIES: Record<Subject, () => Promise<(inputs: ScenarioInputs) => CallVariants>> = {
  fetch: async () => (await import("./fetch.ts")).createFetchVariants,
  wrapFetch: async () => (await import("./fetch.ts")).createWrapFetchVariants,
  undici: async () => (await import("./undici.ts")).createUndiciVariants,
  axios: async () => (await import("./axios.ts")).createAxiosVariants,
  got: async () => (await import("./got.ts")).createGotVariants,
  node: async () => (await import("./node.ts")).createNodeVariants,
  server: async () => (await import("./server.ts")).createServerVariants,
  injectTraceContext: async () => (await import("./api-functions.ts")).createInjectVariants,
  extractTraceContext: async () => (await import("./api-functions.ts")).createExtractVariants,
  untraced: async () => (await import("./fetch.ts")).createUntracedVariants,
};

export async function createVariants(scenario: Scenario): Promise<CallVariants> {
  const create = await FACTORIES[scenario.subject]();
  return create(scenarioInputs(scenario));
}
