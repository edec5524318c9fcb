import { instrumentNode } from "a2a-otel/node";
import type { CallVariants } from "../measure/calls.ts";
import { StubRequest } from "../stub-transports/node.ts";
import type { ScenarioInputs } from "./scenario.ts";
import { endClientSpan, startClientSpan } from "./sdk-baseline.ts";

/** A request of `node:http` with node-wide instrumentation. Only the traced variant publishes messages. */
export function createNodeVariants({ nextDestination, requestHeaders }: ScenarioInputs): CallVariants {
  instrumentNode();
  let last: StubRequest | undefined;
  return {
    untraced: () => new StubRequest(nextDestination(), requestHeaders).answer(false),
    baseline: () => {
      const destination = nextDestination();
      const request = new StubRequest(destination, requestHeaders);
      const headers: Record<string, string> = {};
      const span = startClientSpan(destination, headers);
      for (const name in headers) request.setHeader(name, headers[name] as string);
      request.once("response", (response: NodeJS.EventEmitter) => response.once("end", () => endClientSpan(span)));
      return request.answer(false);
    },
    traced: () => {
      const request = new StubRequest(nextDestination(), requestHeaders);
      last = request;
      request.publishCreated();
      return request.answer(true);
    },
    sentHeaders: () => ({ ...(last?.getHeaders() as Record<string, string> | undefined) }),
  };
}
