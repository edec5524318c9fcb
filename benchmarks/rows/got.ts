import { wrapGot } from "a2a-otel/got";
import { default as got } from "got";
import type { HandlerFunction } from "got";
import type { Trio } from "../measure/trio.ts";
import { REQUEST_BODY } from "../transports/exchange.ts";
import { StubOptions, gotCore, gotStub } from "../transports/got.ts";
import type { GotTransport } from "../transports/got.ts";
import { endClientFloor, startClientFloor } from "./floor.ts";
import type { RowOptions } from "./options.ts";

export function gotTrio({ nextTarget, requestHeaders }: RowOptions): Trio {
  const stub = gotStub();
  const floorStub = gotStub().transport;
  const spanning: GotTransport = (url, request) => {
    const { address, port, url: href } = nextTarget();
    const headers = { ...request.headers };
    const span = startClientFloor(href, address, port, headers);
    const sent = floorStub(url, { ...request, headers });
    sent.once("response", (response: NodeJS.EventEmitter) => response.once("end", () => endClientFloor(span)));
    return sent;
  };
  const handler = wrapGot(got).defaults.handlers.at(-1);
  const post = (transport: GotTransport, through?: HandlerFunction) => (): Promise<unknown> =>
    gotCore(through, new StubOptions(transport, new URL(nextTarget().url), requestHeaders, REQUEST_BODY));
  return { base: post(gotStub().transport), floor: post(spanning), traced: post(stub.transport, handler), sent: stub.sent };
}
