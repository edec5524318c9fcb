import { wrapGot } from "a2a-otel/got";
import { default as got } from "got";
import type { HandlerFunction } from "got";
import type { CallVariants } from "../measure/calls.ts";
import { REQUEST_BODY } from "../stub-transports/exchange.ts";
import { StubOptions, callThroughHandler, createStubRequestFunction } from "../stub-transports/got.ts";
import type { RequestFunction } from "../stub-transports/got.ts";
import type { ScenarioInputs } from "./scenario.ts";
import { endClientSpan, startClientSpan } from "./sdk-baseline.ts";

export function createGotVariants({ nextDestination, requestHeaders }: ScenarioInputs): CallVariants {
  const untraced = createStubRequestFunction().request;
  const baselineStub = createStubRequestFunction().request;
  const baseline: RequestFunction = (url, options) => {
    const headers = { ...options.headers };
    const span = startClientSpan(nextDestination(), headers);
    const request = baselineStub(url, { ...options, headers });
    request.once("response", (response: NodeJS.EventEmitter) => response.once("end", () => endClientSpan(span)));
    return request;
  };
  const { request: traced, sentHeaders } = createStubRequestFunction();
  const handler = wrapGot(got).defaults.handlers.at(-1);
  const post = (request: RequestFunction, through?: HandlerFunction) => (): Promise<unknown> =>
    callThroughHandler(through, new StubOptions(request, new URL(nextDestination().url), requestHeaders, REQUEST_BODY));
  return { untraced: post(untraced), baseline: post(baseline), traced: post(traced, handler), sentHeaders };
}
