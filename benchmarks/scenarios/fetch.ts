import { context } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { instrumentFetch, wrapFetch } from "a2a-otel/fetch";
import type { CallVariants } from "../measure/calls.ts";
import { REQUEST_BODY } from "../stub-transports/exchange.ts";
import { createStubFetch } from "../stub-transports/fetch.ts";
import type { StubFetch } from "../stub-transports/fetch.ts";
import { createChannels } from "../stub-transports/undici-channels.ts";
import type { ScenarioInputs } from "./scenario.ts";
import { endClientSpan, recordClientDuration, startClientSpanWithContext } from "./sdk-baseline.ts";

/** The global fetch, with `instrumentFetch()`. */
export function createFetchVariants(inputs: ScenarioInputs): CallVariants {
  return createVariantsOf(inputs, instrumentAsGlobal, (transport, _callContext, url, init) => transport(url, init));
}

/**
 * A fetch function of the application, with `wrapFetch()`. It may start spans itself, so it runs in the call's context; the baseline's runs in that
 * context too.
 */
export function createWrapFetchVariants(inputs: ScenarioInputs): CallVariants {
  return createVariantsOf(inputs, wrapAsApplicationFetch, (transport, callContext, url, init) =>
    context.with(callContext, transport, undefined, url, init),
  );
}

/** An untraced call three times: what it shows is the error of the harness. */
export function createUntracedVariants({ nextDestination, requestHeaders }: ScenarioInputs): CallVariants {
  const stub = createStubFetch(createChannels("untraced"), "whole");
  const call = (): unknown => stub(nextDestination().url, { method: "POST", headers: requestHeaders, body: REQUEST_BODY });
  return { untraced: call, baseline: () => call(), traced: () => call(), sentHeaders: () => ({}) };
}

type Init = Parameters<StubFetch>[1];
type Send = (transport: StubFetch, callContext: Context, url: string, init: Init) => Promise<Response>;

function createVariantsOf(inputs: ScenarioInputs, instrument: (stub: StubFetch) => StubFetch, send: Send): CallVariants {
  const { nextDestination, bodyArrival, requestHeaders, metrics } = inputs;
  const channels = createChannels("traced");
  const untraced = createStubFetch(createChannels("untraced"), bodyArrival);
  const baseline = createStubFetch(createChannels("baseline"), bodyArrival);
  const traced = instrument(createStubFetch(channels, bodyArrival));
  return {
    untraced: () => untraced(nextDestination().url, { method: "POST", headers: requestHeaders, body: REQUEST_BODY }),
    baseline: () => {
      const destination = nextDestination();
      const headers = { ...requestHeaders };
      const startTime = metrics ? performance.now() : 0;
      const { span, callContext } = startClientSpanWithContext(destination, headers);
      return send(baseline, callContext, destination.url, { method: "POST", headers, body: REQUEST_BODY }).then((response) => {
        endClientSpan(span);
        if (metrics) recordClientDuration(destination, startTime, callContext);
        return response;
      });
    },
    traced: () => traced(nextDestination().url, { method: "POST", headers: requestHeaders, body: REQUEST_BODY }),
    sentHeaders: channels.sentHeaders,
  };
}

/** Instruments the stub as if it were the platform's own fetch. */
function instrumentAsGlobal(stub: StubFetch): StubFetch {
  const { fetch } = globalThis;
  globalThis.fetch = stub as typeof globalThis.fetch;
  instrumentFetch();
  const traced = globalThis.fetch as unknown as StubFetch;
  globalThis.fetch = fetch;
  return traced;
}

/** The library recognizes the stub as Node's own fetch, so the stub is called by another function here. */
function wrapAsApplicationFetch(stub: StubFetch): StubFetch {
  const applicationFetch = (url: string, init: Init): Promise<Response> => stub(url, init);
  return wrapFetch(applicationFetch as never);
}
