import { traceInterceptor } from "a2a-otel/undici";
import type { Dispatcher } from "undici";
import type { Trio } from "../measure/trio.ts";
import { REQUEST_BODY } from "../transports/exchange.ts";
import { Taker, dispatchStub } from "../transports/undici.ts";
import { createWire } from "../transports/undici-wire.ts";
import { endClientFloor, startClientFloor } from "./floor.ts";
import type { RowOptions } from "./options.ts";

export function undiciTrio({ nextTarget, requestHeaders }: RowOptions): Trio {
  const wire = createWire("traced");
  const base = dispatchStub(createWire("base"));
  const floor = dispatchStub(createWire("floor"));
  const traced = traceInterceptor()(dispatchStub(wire));
  const options = (headers: Record<string, string>): Dispatcher.DispatchOptions => {
    const { origin, path } = nextTarget();
    return { origin, path, method: "POST", headers, body: REQUEST_BODY };
  };
  return {
    base: () => base(options(requestHeaders), new Taker()),
    floor: () => {
      const { url, address, port, origin, path } = nextTarget();
      const headers = { ...requestHeaders };
      const span = startClientFloor(url, address, port, headers);
      floor({ origin, path, method: "POST", headers, body: REQUEST_BODY }, new Taker());
      endClientFloor(span);
    },
    traced: () => traced(options(requestHeaders), new Taker()),
    sent: wire.sent,
  };
}
