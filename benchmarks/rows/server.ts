import type { RequestListener } from "node:http";
import { context } from "@opentelemetry/api";
import { traceRequests } from "a2a-otel/server/node";
import type { Trio } from "../measure/trio.ts";
import { receive } from "../transports/server.ts";
import { endServerFloor, startServerFloor } from "./floor.ts";
import type { RowOptions } from "./options.ts";

const listener: RequestListener = (_request, response) => void response.end();

/** The floor of a server has `context.with` in it: a handler that does not run in its request's context continues no trace. */
export function serverTrio({ nextTarget, receivedHeaders }: RowOptions): Trio {
  const traced = traceRequests(listener);
  const spanning: RequestListener = (request, response) => {
    const { span, serverContext } = startServerFloor(request.url ?? "", request.headers);
    response.once("finish", () => endServerFloor(span));
    return context.with(serverContext, listener, undefined, request, response);
  };
  return {
    base: () => receive(listener, nextTarget().path, receivedHeaders),
    floor: () => receive(spanning, nextTarget().path, receivedHeaders),
    traced: () => receive(traced, nextTarget().path, receivedHeaders),
    sent: () => ({}),
  };
}
