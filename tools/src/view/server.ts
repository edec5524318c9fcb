import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Prices } from "./prices.ts";
import { answer } from "./server/answer.ts";
import { createRoutes } from "./server/routes.ts";
import { createStore } from "./store.ts";
import type { Store, StoreLimits } from "./store.ts";

export interface ViewOptions extends Partial<StoreLimits> {
  /** Default 4318, where OTLP/HTTP exporters send to by themselves; 0 is any free one. */
  readonly port?: number;
  /** What models cost; without it only costs that spans tell are shown. */
  readonly prices?: Prices | undefined;
  /** Hears, a line at a time, of exports that are refused. Default: nobody. */
  readonly log?: (line: string) => void;
}

export interface View {
  /** Where the page is and what goes into `OTEL_EXPORTER_OTLP_ENDPOINT`. */
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
 * Receives traces over OTLP/HTTP (JSON, plain or gzip) on a port of loopback, keeps the newest, and shows them on a page there.
 *
 * @throws {RangeError} for a limit or port that is none, with its name; what `listen` throws for a port that is not to be had (`EADDRINUSE`).
 * @example
 * const view = await startView({ port: 0 });
 * console.log(view.url); // http://127.0.0.1:40123
 * await view.close();
 */
export async function startView({ prices, log = () => {}, ...options }: ViewOptions = {}): Promise<View> {
  const settings = { ...DEFAULTS, ...options };
  for (const name of ["maxTraces", "maxSpansPerTrace", "maxBytes"] as const) atLeast(1, name, settings[name]);
  atLeast(0, "port", settings.port);
  if (settings.port > 65_535) throw new RangeError(`port is ${settings.port}, and should be at most 65535`);

  const store = createStore(settings);
  const routes = createRoutes(store, prices, log);
  const server = createServer((request, response) => {
    routes.handle(request, response).catch((error: unknown) => {
      log(`Failed to answer ${request.method} ${request.url}: ${String(error)}`);
      if (response.headersSent) response.destroy();
      else answer(response, 500, "text/plain", "a2a-otel view failed; its terminal says with what.\n");
    });
  });
  server.listen(settings.port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    routes.close();
    throw error;
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    store,
    close: async () => {
      routes.close();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function atLeast(least: number, name: string, value: number): void {
  if (!Number.isInteger(value) || value < least)
    throw new RangeError(`${name} is ${value}, and should be an integer of at least ${least}`);
}
