import type { Dispatcher } from "undici";
import { RESPONSE_BODY, RESPONSE_HEADERS, RESPONSE_STATUS } from "./exchange.ts";
import { flattenHeaders } from "./undici-channels.ts";
import type { UndiciChannels } from "./undici-channels.ts";

/** A `dispatch` function that only does what an interceptor sees: it calls the handler and publishes on the diagnostics channels. */
export function createStubDispatch(channels: UndiciChannels): Dispatcher.Dispatch {
  return (options, handler) => {
    const request = {
      origin: options.origin as string,
      path: options.path,
      method: options.method,
      headers: flattenHeaders(options.headers as Record<string, string>),
      // undici's request keeps these too. Without them V8 would not allocate the options of the untraced variant at all.
      body: options.body,
      options,
      handler,
    };
    channels.publishSent(request);
    handler.onRequestStart?.(CONTROLLER, undefined);
    channels.publishResponse(request);
    handler.onResponseStart?.(CONTROLLER, RESPONSE_STATUS, RESPONSE_HEADERS, "OK");
    handler.onResponseData?.(CONTROLLER, RESPONSE_BODY);
    handler.onResponseEnd?.(CONTROLLER, {});
    channels.publishEnd(request);
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

/** The application's handler: it keeps the status and counts the bytes of the body. */
export class CountingHandler implements Dispatcher.DispatchHandler {
  status = 0;
  receivedBytes = 0;

  onRequestStart(): void {}
  onResponseStart(_controller: unknown, status: number): void {
    this.status = status;
  }
  onResponseData(_controller: unknown, chunk: Buffer): void {
    this.receivedBytes += chunk.length;
  }
  onResponseEnd(): void {}
  onResponseError(_controller: unknown, error: Error): void {
    throw error;
  }
}
