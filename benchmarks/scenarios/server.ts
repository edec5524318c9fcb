import type { RequestListener } from "node:http";
import { context } from "@opentelemetry/api";
import { traceRequests } from "a2a-otel/server/node";
import type { CallVariants } from "../measure/calls.ts";
import { receiveRequest } from "../stub-transports/server.ts";
import type { ScenarioInputs } from "./scenario.ts";
import { endServerSpan, startServerSpan } from "./sdk-baseline.ts";

const listener: RequestListener = (_request, response) => void response.end();

/** The baseline contains `context.with`, because a handler that does not run in its request's context would not continue the trace. */
export function createServerVariants({ nextDestination, receivedHeaders }: ScenarioInputs): CallVariants {
  const traced = traceRequests(listener);
  const baseline: RequestListener = (request, response) => {
    const { span, serverContext } = startServerSpan(request.url ?? "", request.headers);
    response.once("finish", () => endServerSpan(span));
    return context.with(serverContext, listener, undefined, request, response);
  };
  return {
    untraced: () => receiveRequest(listener, nextDestination().path, receivedHeaders),
    baseline: () => receiveRequest(baseline, nextDestination().path, receivedHeaders),
    traced: () => receiveRequest(traced, nextDestination().path, receivedHeaders),
    sentHeaders: () => ({}),
  };
}
