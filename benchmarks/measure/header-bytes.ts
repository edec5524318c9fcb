import { scenarioInputs } from "../scenarios/scenario.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import type { CallVariants } from "./calls.ts";

/** Bytes of the propagation header lines that a traced call adds to the application's own headers. */
export async function measureHeaderBytes({ traced, sentHeaders }: CallVariants, scenario: Scenario): Promise<number> {
  await traced();
  const { requestHeaders } = scenarioInputs(scenario);
  const added = Object.entries(sentHeaders()).filter(
    ([name]) => !(name in requestHeaders) && /^(?:traceparent|tracestate|baggage)$/.test(name),
  );
  return added.reduce((bytes, [name, value]) => bytes + `${name}: ${value}\r\n`.length, 0);
}
