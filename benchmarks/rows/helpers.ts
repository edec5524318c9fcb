import { context, propagation } from "@opentelemetry/api";
import { extractTraceContext, injectTraceContext } from "a2a-otel";
import type { Trio } from "../measure/trio.ts";
import { createWire } from "../transports/undici-wire.ts";
import { fetchStub } from "../transports/fetch.ts";
import { REQUEST_BODY } from "../transports/exchange.ts";
import type { RowOptions } from "./options.ts";

export function injectTrio(): Trio {
  return {
    base: () => ({}),
    floor: () => {
      const carrier = {};
      propagation.inject(context.active(), carrier);
      return carrier;
    },
    traced: () => injectTraceContext(),
    sent: () => injectTraceContext(),
  };
}

export function extractTrio({ receivedHeaders }: RowOptions): Trio {
  return {
    base: () => context.active(),
    floor: () => propagation.extract(context.active(), receivedHeaders),
    traced: () => extractTraceContext(receivedHeaders),
    sent: () => ({}),
  };
}

/** Nothing at all, three times: what the harness itself makes of it. */
export function noopTrio({ nextTarget, requestHeaders }: RowOptions): Trio {
  const stub = fetchStub(createWire("base"), "whole");
  const call = (): unknown => stub(nextTarget().url, { method: "POST", headers: requestHeaders, body: REQUEST_BODY });
  return { base: call, floor: () => call(), traced: () => call(), sent: () => ({}) };
}
