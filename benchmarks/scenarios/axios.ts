import { instrumentAxios } from "a2a-otel/axios";
import { default as axios } from "axios";
import type { AxiosAdapter, AxiosInstance } from "axios";
import type { CallVariants } from "../measure/calls.ts";
import { createStubAdapter } from "../stub-transports/axios.ts";
import { REQUEST_BODY } from "../stub-transports/exchange.ts";
import type { ScenarioInputs } from "./scenario.ts";
import { endClientSpan, startClientSpan } from "./sdk-baseline.ts";

export function createAxiosVariants({ nextDestination, requestHeaders }: ScenarioInputs): CallVariants {
  const baselineStub = createStubAdapter().adapter;
  const baselineAdapter: AxiosAdapter = (config) => {
    const span = startClientSpan(nextDestination(), config.headers);
    return baselineStub(config).then((response) => {
      endClientSpan(span);
      return response;
    });
  };
  const { adapter, sentHeaders } = createStubAdapter();
  const untraced = axios.create({ adapter: createStubAdapter().adapter });
  const baseline = axios.create({ adapter: baselineAdapter });
  const traced = axios.create({ adapter });
  instrumentAxios(traced);
  const post = (client: AxiosInstance) => (): Promise<unknown> =>
    client.post(nextDestination().url, REQUEST_BODY, { headers: requestHeaders });
  return { untraced: post(untraced), baseline: post(baseline), traced: post(traced), sentHeaders };
}
