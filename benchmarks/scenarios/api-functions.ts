import { context, propagation } from "@opentelemetry/api";
import { extractTraceContext, injectTraceContext } from "a2a-otel";
import type { CallVariants } from "../measure/calls.ts";
import type { ScenarioInputs } from "./scenario.ts";

export function createInjectVariants(): CallVariants {
  return {
    untraced: () => ({}),
    baseline: () => {
      const carrier = {};
      propagation.inject(context.active(), carrier);
      return carrier;
    },
    traced: () => injectTraceContext(),
    sentHeaders: () => injectTraceContext(),
  };
}

export function createExtractVariants({ receivedHeaders }: ScenarioInputs): CallVariants {
  return {
    untraced: () => context.active(),
    baseline: () => propagation.extract(context.active(), receivedHeaders),
    traced: () => extractTraceContext(receivedHeaders),
    sentHeaders: () => ({}),
  };
}
