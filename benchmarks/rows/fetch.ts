import { context } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { instrumentFetch, wrapFetch } from "a2a-otel/fetch";
import type { Trio } from "../measure/trio.ts";
import { REQUEST_BODY } from "../transports/exchange.ts";
import { fetchStub } from "../transports/fetch.ts";
import type { FetchStub } from "../transports/fetch.ts";
import { createWire } from "../transports/undici-wire.ts";
import { endClientFloor, startClientFloorWithin } from "./floor.ts";
import type { RowOptions } from "./options.ts";

/** The global fetch. */
export function fetchTrio(options: RowOptions): Trio {
  return trioOf(options, instrumented, (transport, _context, url, init) => transport(url, init));
}

/** A fetch function of the application's, which may start spans of its own: it runs in the call's context, and so does the floor's. */
export function wrapFetchTrio(options: RowOptions): Trio {
  const within: Send = (transport, callContext, url, init) => context.with(callContext, transport, undefined, url, init);
  return trioOf(options, wrapped, within);
}

/** A function around the stub, which would pass for Node's own. */
function wrapped(stub: FetchStub): FetchStub {
  const ofApplication = (url: string, init: Init): Promise<Response> => stub(url, init);
  return wrapFetch(ofApplication as never);
}

type Init = Parameters<FetchStub>[1];
type Send = (transport: FetchStub, callContext: Context, url: string, init: Init) => Promise<Response>;

/** The stub, instrumented where the platform's fetch would be. */
function instrumented(stub: FetchStub): FetchStub {
  const { fetch } = globalThis;
  globalThis.fetch = stub as typeof globalThis.fetch;
  instrumentFetch();
  const traced = globalThis.fetch as unknown as FetchStub;
  globalThis.fetch = fetch;
  return traced;
}

function trioOf({ nextTarget, arrival, requestHeaders }: RowOptions, wrap: (stub: FetchStub) => FetchStub, send: Send): Trio {
  const wire = createWire("traced");
  const base = fetchStub(createWire("base"), arrival);
  const floor = fetchStub(createWire("floor"), arrival);
  const traced = wrap(fetchStub(wire, arrival));
  return {
    base: () => base(nextTarget().url, { method: "POST", headers: requestHeaders, body: REQUEST_BODY }),
    floor: () => {
      const { url, address, port } = nextTarget();
      const headers = { ...requestHeaders };
      const { span, callContext } = startClientFloorWithin(url, address, port, headers);
      return send(floor, callContext, url, { method: "POST", headers, body: REQUEST_BODY }).then((response) => {
        endClientFloor(span);
        return response;
      });
    },
    traced: () => traced(nextTarget().url, { method: "POST", headers: requestHeaders, body: REQUEST_BODY }),
    sent: wire.sent,
  };
}
