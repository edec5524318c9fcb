import { wrapFetch } from "a2a-otel/fetch";
import type { Trio } from "../measure/trio.ts";
import { REQUEST_BODY } from "../transports/exchange.ts";
import { fetchStub } from "../transports/fetch.ts";
import type { FetchStub } from "../transports/fetch.ts";
import { createWire } from "../transports/undici-wire.ts";
import { endClientFloor, startClientFloor } from "./floor.ts";
import type { RowOptions } from "./options.ts";

export function fetchTrio({ nextTarget, arrival, requestHeaders }: RowOptions): Trio {
  const wire = createWire("traced");
  const base = fetchStub(createWire("base"), arrival);
  const floor = fetchStub(createWire("floor"), arrival);
  const traced = wrapFetch(fetchStub(wire, arrival) as typeof fetch) as unknown as FetchStub;
  return {
    base: () => base(nextTarget().url, { method: "POST", headers: requestHeaders, body: REQUEST_BODY }),
    floor: () => {
      const { url, address, port } = nextTarget();
      const headers = { ...requestHeaders };
      const span = startClientFloor(url, address, port, headers);
      return floor(url, { method: "POST", headers, body: REQUEST_BODY }).then((response) => {
        endClientFloor(span);
        return response;
      });
    },
    traced: () => traced(nextTarget().url, { method: "POST", headers: requestHeaders, body: REQUEST_BODY }),
    sent: wire.sent,
  };
}
