import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Prices } from "./prices.ts";
import { createApp } from "./server/app.ts";
import { createStore } from "./store.ts";
import type { Store, StoreLimits } from "./store.ts";

export interface ViewOptions extends Partial<StoreLimits> {
  /** Default: 4318, the default port of OTLP/HTTP exporters. 0 selects any free port. */
  readonly port?: number;
  /** The prices of models. Without them, only costs that spans contain are shown. */
  readonly prices?: Prices | undefined;
  /** Receives a line for each refused export. Default: none is logged. */
  readonly log?: (line: string) => void;
}

export interface View {
  /** The address of the page, and the value for `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly store: Store;
  readonly close: () => Promise<void>;
}

export const DEFAULTS: Required<StoreLimits> & { readonly port: number } = {
  port: 4318,
  maxTraces: 100,
  maxSpansPerTrace: 10_000,
  maxBytes: 256 * 1024 * 1024,
};

/**
 * Starts a server on loopback that receives traces over OTLP/HTTP (protobuf or JSON, plain or gzip), stores the newest, and serves a page that shows them.
 *
 * @throws RangeError for an invalid limit or port; the error of `listen` for a port that cannot be used (`EADDRINUSE`).
 * @example
 * const view = await startView({ port: 0 });
 * console.log(view.url); // http://127.0.0.1:40123
 * await view.close();
 */
export async function startView({ prices, log = () => {}, ...options }: ViewOptions = {}): Promise<View> {
  const settings = { ...DEFAULTS, ...options };
  for (const name of ["maxTraces", "maxSpansPerTrace", "maxBytes"] as const) requireInteger(1, name, settings[name]);
  requireInteger(0, "port", settings.port);
  if (settings.port > 65_535) throw new RangeError(`port is ${settings.port}, but must be at most 65535`);

  const store = createStore(settings);
  const { app, close } = createApp(store, prices, log);
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  server.listen(settings.port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    close();
    throw error;
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    store,
    close: async () => {
      close();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function requireInteger(least: number, name: string, value: number): void {
  if (!Number.isInteger(value) || value < least)
    throw new RangeError(`${name} is ${value}, but must be an integer of at least ${least}`);
}
