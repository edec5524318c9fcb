import { Agent } from "node:http";
import type { Readable } from "node:stream";
import type { ClientName } from "./messages.ts";

/** The interface through which the soak test uses a client. */
export interface SoakClient {
  readonly call: (url: string) => Promise<string>;
  /** Reads an event stream until the signal is aborted. */
  readonly follow: (url: string, signal: AbortSignal, onEvent: () => void) => Promise<void>;
  readonly close: () => Promise<void> | void;
}

const MAKERS: Record<ClientName, (isTraced: boolean) => Promise<SoakClient>> = {
  fetch: async (isTraced) => {
    const fetch = isTraced ? (await import("a2a-otel/fetch")).wrapFetch(globalThis.fetch) : globalThis.fetch;
    return {
      call: async (url) => (await fetch(url)).text(),
      follow: async (url, signal, onEvent) => {
        for await (const _ of (await fetch(url, { signal })).body ?? []) onEvent();
      },
      close: () => (globalThis as unknown as Record<symbol, { destroy(): Promise<void> }>)[DISPATCHER]?.destroy(),
    };
  },
  undici: async (isTraced) => {
    const undici = await import("undici");
    const agent = new undici.Agent();
    const dispatcher = isTraced ? agent.compose((await import("a2a-otel/undici")).traceInterceptor()) : agent;
    const ask = (url: string, signal?: AbortSignal): ReturnType<typeof dispatcher.request> => {
      const { origin, pathname } = new URL(url);
      return dispatcher.request({ origin, path: pathname, method: "GET", signal: signal ?? null });
    };
    return {
      call: async (url) => (await ask(url)).body.text(),
      follow: async (url, signal, onEvent) => {
        for await (const _ of (await ask(url, signal)).body) onEvent();
      },
      close: () => agent.destroy(),
    };
  },
  axios: async (isTraced) => {
    const { default: axios } = await import("axios");
    const httpAgent = new Agent({ keepAlive: true, maxFreeSockets: 5000 });
    const instance = axios.create({ httpAgent, proxy: false, responseType: "text" });
    if (isTraced) (await import("a2a-otel/axios")).instrumentAxios(instance);
    return {
      call: async (url) => (await instance.get<string>(url)).data,
      follow: async (url, signal, onEvent) => {
        for await (const _ of (await instance.get<Readable>(url, { signal, responseType: "stream" })).data) onEvent();
      },
      close: () => httpAgent.destroy(),
    };
  },
  got: async (isTraced) => {
    const { default: got } = await import("got");
    const http = new Agent({ keepAlive: true, maxFreeSockets: 5000 });
    const plain = got.extend({ agent: { http }, retry: { limit: 0 } });
    const client = isTraced ? (await import("a2a-otel/got")).wrapGot(plain) : plain;
    return {
      call: async (url) => (await client(url)).body,
      follow: async (url, signal, onEvent) => {
        for await (const _ of client.stream(url, { signal })) onEvent();
      },
      close: () => http.destroy(),
    };
  },
};

const DISPATCHER = Symbol.for("undici.globalDispatcher.1");

export function makeClient(name: ClientName, isTraced: boolean): Promise<SoakClient> {
  return MAKERS[name](isTraced);
}
