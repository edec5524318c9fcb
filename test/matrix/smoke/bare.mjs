import { createServer } from "node:http";
import { listen } from "./servers.mjs";

/** A server that knows nothing of traces, and answers with the headers of propagation that it receives. */
export const startBare = () =>
  listen(
    createServer(({ headers: { traceparent, tracestate, baggage } }, response) => {
      response.end(JSON.stringify({ traceparent, tracestate, baggage }));
    }),
  );
