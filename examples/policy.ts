import "./tracing.ts";
import { createServer } from "node:http";
import { context, propagation } from "@opentelemetry/api";
import type { AddressInfo } from "node:net";
import type { IncomingMessage, ServerResponse } from "node:http";
// #region readme
import { instrumentFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/node";

// Only our own agents receive trace context, and of the baggage only the tenant. Other hosts receive nothing.
instrumentFetch({ propagateTo: ["127.0.0.1", "*.corp.example"], baggageKeys: ["tenant"] });

// Requests from outside start a trace of our own that links to the caller's. Their baggage is not accepted.
const atTheEdge = (handler: (request: IncomingMessage, response: ServerResponse) => void): typeof handler =>
  traceRequests(handler, { incoming: "link", acceptBaggage: false });
// #endregion

const server = createServer(
  atTheEdge(({ headers: { traceparent, baggage } }, response) => {
    const members = propagation.getActiveBaggage()?.getAllEntries().length ?? 0;
    const received = `traceparent: ${traceparent !== undefined}, baggage: ${String(baggage)}`;
    response.end(`${received}; its handler sees ${members} baggage members`);
  }),
).listen(0, async () => {
  const { port } = server.address() as AddressInfo;
  const baggage = propagation.createBaggage({ tenant: { value: "acme" }, user: { value: "alice" } });
  await context.with(propagation.setBaggage(context.active(), baggage), async () => {
    for (const host of ["127.0.0.1", "localhost"]) {
      const response = await fetch(`http://${host}:${port}/`);
      console.log(`${host} received ${await response.text()}`);
    }
  });
  server.close();
});
