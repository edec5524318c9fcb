import "./tracing.ts";
import { createServer } from "node:http";
import { context, propagation } from "@opentelemetry/api";
import type { AddressInfo } from "node:net";
import type { IncomingMessage, ServerResponse } from "node:http";
// #region readme
import { instrumentFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/node";

// Our own agents get the trace, and of baggage the tenant alone. Nobody else gets anything.
instrumentFetch({ propagateTo: ["127.0.0.1", "*.corp.example"], baggageKeys: ["tenant"] });

// What strangers send does not choose our trace: it is linked to, and their baggage stays outside.
const atTheEdge = (handler: (request: IncomingMessage, response: ServerResponse) => void): typeof handler =>
  traceRequests(handler, { incoming: "link", acceptBaggage: false });
// #endregion

const server = createServer(
  atTheEdge(({ headers: { traceparent, baggage } }, response) => {
    const accepted = propagation.getActiveBaggage()?.getAllEntries().length ?? 0;
    response.end(`traceparent: ${traceparent !== undefined}, baggage: ${String(baggage)}, accepted: ${accepted}`);
  }),
).listen(0, async () => {
  const { port } = server.address() as AddressInfo;
  const baggage = propagation.createBaggage({ tenant: { value: "acme" }, user: { value: "alice" } });
  await context.with(propagation.setBaggage(context.active(), baggage), async () => {
    for (const host of ["127.0.0.1", "localhost"]) {
      const response = await fetch(`http://${host}:${port}/`);
      console.log(`${host} saw ${await response.text()}`);
    }
  });
  server.close();
});
