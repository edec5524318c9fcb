import type { Dispatcher } from "undici";
import { RESPONSE_BODY, RESPONSE_HEADERS, RESPONSE_STATUS } from "./exchange.ts";
import { flat } from "./undici-wire.ts";
import type { Wire } from "./undici-wire.ts";

/** A dispatcher's `dispatch` that does nothing but what an interceptor sees: it calls the handler, and publishes on the channels. */
export function dispatchStub(wire: Wire): Dispatcher.Dispatch {
  return (options, handler) => {
    const request = {
      origin: options.origin as string,
      path: options.path,
      method: options.method,
      headers: flat(options.headers as Record<string, string>),
      // Kept with the request, as undici does: else what is given to the base alone would never be made an object.
      body: options.body,
      options,
      handler,
    };
    wire.send(request);
    handler.onRequestStart?.(CONTROLLER, undefined);
    wire.respond(request);
    handler.onResponseStart?.(CONTROLLER, RESPONSE_STATUS, RESPONSE_HEADERS, "OK");
    handler.onResponseData?.(CONTROLLER, RESPONSE_BODY);
    handler.onResponseEnd?.(CONTROLLER, {});
    wire.finish(request);
    return true;
  };
}

const CONTROLLER = {
  aborted: false,
  paused: false,
  reason: null,
  pause: () => {},
  resume: () => {},
  abort: () => {},
} as unknown as Dispatcher.DispatchController;

/** The handler of an application: it takes what comes. */
export class Taker implements Dispatcher.DispatchHandler {
  status = 0;
  received = 0;

  onRequestStart(): void {}
  onResponseStart(_controller: unknown, status: number): void {
    this.status = status;
  }
  onResponseData(_controller: unknown, chunk: Buffer): void {
    this.received += chunk.length;
  }
  onResponseEnd(): void {}
  onResponseError(_controller: unknown, error: Error): void {
    throw error;
  }
}
