import { traceInterceptor } from "a2a-otel/undici";
import type { Dispatcher } from "undici";
import type { CallVariants } from "../measure/calls.ts";
import { REQUEST_BODY } from "../stub-transports/exchange.ts";
import type { Destination } from "../stub-transports/exchange.ts";
import { CountingHandler, createStubDispatch } from "../stub-transports/undici.ts";
import { createChannels } from "../stub-transports/undici-channels.ts";
import type { ScenarioInputs } from "./scenario.ts";
import { endClientSpan, startClientSpan } from "./sdk-baseline.ts";

export function createUndiciVariants({ nextDestination, requestHeaders }: ScenarioInputs): CallVariants {
  const channels = createChannels("traced");
  const untraced = createStubDispatch(createChannels("untraced"));
  const baseline = createStubDispatch(createChannels("baseline"));
  const traced = traceInterceptor()(createStubDispatch(channels));
  return {
    untraced: () => untraced(dispatchOptions(nextDestination(), requestHeaders), new CountingHandler()),
    baseline: () => {
      const destination = nextDestination();
      const headers = { ...requestHeaders };
      const span = startClientSpan(destination, headers);
      baseline(dispatchOptions(destination, headers), new CountingHandler());
      endClientSpan(span);
    },
    traced: () => traced(dispatchOptions(nextDestination(), requestHeaders), new CountingHandler()),
    sentHeaders: channels.sentHeaders,
  };
}

function dispatchOptions({ origin, path }: Destination, headers: Record<string, string>): Dispatcher.DispatchOptions {
  return { origin, path, method: "POST", headers, body: REQUEST_BODY };
}
