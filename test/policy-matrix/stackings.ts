// Before undici is imported.
import "./node-fetch.ts";
import { Agent as HttpAgent } from "node:http";
import axios from "axios";
import type { AxiosInstance } from "axios";
import axiosRetry from "axios-retry";
import got from "got";
import type { Got } from "got";
import { Agent, fetch as undiciFetch, getGlobalDispatcher, interceptors, setGlobalDispatcher } from "undici";
import type { Dispatcher } from "undici";
import type { ClientOptions } from "../../src/index.ts";
import type { PackageCopy } from "./package-copy.ts";

/** A request as every client can send it. */
interface Sent {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
}

/** An instrumented client with connections of its own. */
export interface OpenClient {
  /** Sends a request and reads the whole response; rejects as the client does. */
  readonly send: (sent: Sent) => Promise<string>;
  /** Undoes the instrumentation and closes the connections. */
  readonly close: () => Promise<void> | void;
}

/** The options of the layers of a stacking; undefined: none are given. */
export interface LayerOptions {
  readonly outer: ClientOptions | undefined;
  readonly inner: ClientOptions | undefined;
}

/** On which of two layers a policy is. */
export type Placement = "outer" | "inner" | "both" | "outer, baggageKeys inner";

/** An instrumented client, or several layers of instrumentation over each other. */
export interface Stacking {
  readonly name: string;
  readonly placements: readonly Placement[];
  /** What makes a span: each request that is received, or the whole call. */
  readonly spanPer: "request" | "call";
  readonly retries: boolean;
  readonly open: (layers: LayerOptions, retries: boolean) => OpenClient;
}

const ONE_LAYER: readonly Placement[] = ["outer"];
const TWO_LAYERS: readonly Placement[] = ["outer", "inner", "both", "outer, baggageKeys inner"];
/** Two different sets of options for one global place are an error. */
const GLOBAL_PLACE: readonly Placement[] = ["outer", "inner"];

type Fetch = typeof globalThis.fetch;
const nativeFetch: Fetch = globalThis.fetch;
const npmFetch = undiciFetch as unknown as Fetch;

export function throughFetch(fetch: () => Fetch, close: OpenClient["close"] = () => {}, dispatcher?: Dispatcher): OpenClient {
  return {
    send: async ({ url, method, headers = {} }) => {
      const init = { method, headers, ...(method === "POST" && { body: "question" }), ...(dispatcher && { dispatcher }) };
      const response = await fetch()(url, init);
      return response.text();
    },
    close,
  };
}

function throughDispatcher(dispatcher: Dispatcher): OpenClient {
  return {
    send: async ({ url, method, headers = {} }) => {
      const { origin, pathname } = new URL(url);
      const body = method === "POST" ? "question" : null;
      const response = await dispatcher.request({ origin, path: pathname, method, headers, body });
      return response.body.text();
    },
    close: () => dispatcher.close(),
  };
}

function throughAxios(
  adapter: "http" | "fetch",
  instrument: (instance: AxiosInstance) => () => void,
  retries: boolean,
): OpenClient {
  const httpAgent = new HttpAgent({ keepAlive: true });
  const instance = axios.create({ adapter, httpAgent, proxy: false, responseType: "text" });
  if (retries) axiosRetry(instance, { retries: 2, retryCondition: (error) => error.response?.status === 503 });
  const undo = instrument(instance);
  return {
    send: async ({ url, method, headers = {} }) => {
      const { data } = await instance.request<string>({ url, method, headers, data: method === "POST" ? "question" : undefined });
      return data;
    },
    close: () => {
      undo();
      httpAgent.destroy();
    },
  };
}

function throughGot(wrap: (instance: Got) => Got, retries: boolean): OpenClient {
  const agent = new HttpAgent({ keepAlive: true });
  const instance = wrap(got.extend({ agent: { http: agent }, retry: { limit: retries ? 2 : 0, backoffLimit: 1 } }));
  return {
    send: async ({ url, method, headers = {} }) =>
      instance(url, { method, headers, ...(method === "POST" && { body: "question" }) }).text(),
    close: () => agent.destroy(),
  };
}

const redirect = interceptors.redirect({ maxRedirections: 5 });
const retry = interceptors.retry({ minTimeout: 1, maxTimeout: 1, maxRetries: 2 });

/** Node's own fetch, whose dispatcher is one of the undici package. */
function overGlobalDispatcher(dispatcher: Dispatcher, instrument: () => () => void): OpenClient {
  const previous = getGlobalDispatcher();
  setGlobalDispatcher(dispatcher);
  const undo = instrument();
  return throughFetch(
    () => globalThis.fetch,
    () => {
      undo();
      setGlobalDispatcher(previous);
      return dispatcher.close();
    },
  );
}

/** Undoes in the reverse order. */
const inReverse =
  (...undo: readonly (() => void)[]): (() => void) =>
  () =>
    undo.toReversed().forEach((each) => each());

/** Each client, instrumented once. */
export const oneLayer = ({ instrumentFetch, wrapFetch, traceInterceptor, instrumentAxios, wrapGot }: PackageCopy): Stacking[] => [
  {
    name: "instrumentFetch()",
    placements: ONE_LAYER,
    spanPer: "request",
    retries: false,
    open: ({ outer }) => throughFetch(() => globalThis.fetch, instrumentFetch(outer)),
  },
  {
    name: "instrumentFetch() over setGlobalDispatcher(new Agent())",
    placements: ONE_LAYER,
    spanPer: "request",
    retries: false,
    open: ({ outer }) => overGlobalDispatcher(new Agent(), () => instrumentFetch(outer)),
  },
  {
    name: "wrapFetch(fetch)",
    placements: ONE_LAYER,
    spanPer: "request",
    retries: false,
    open: ({ outer }) => {
      const fetch = wrapFetch(nativeFetch, outer);
      return throughFetch(() => fetch);
    },
  },
  {
    name: "wrapFetch(undici.fetch)",
    placements: ONE_LAYER,
    spanPer: "request",
    retries: false,
    open: ({ outer }) => {
      const agent = new Agent();
      const fetch = wrapFetch(npmFetch, outer);
      return throughFetch(
        () => fetch,
        () => agent.close(),
        agent,
      );
    },
  },
  {
    name: "traceInterceptor() inside redirect and retry",
    placements: ONE_LAYER,
    spanPer: "request",
    retries: true,
    open: ({ outer }) => throughDispatcher(new Agent().compose(traceInterceptor(outer), redirect, retry)),
  },
  {
    name: "traceInterceptor() outside redirect and retry",
    placements: ONE_LAYER,
    spanPer: "call",
    retries: true,
    open: ({ outer }) => throughDispatcher(new Agent().compose(redirect, retry, traceInterceptor(outer))),
  },
  {
    name: "axios, http adapter",
    placements: ONE_LAYER,
    spanPer: "request",
    retries: true,
    open: ({ outer }, retries) => throughAxios("http", (instance) => instrumentAxios(instance, outer), retries),
  },
  {
    name: "axios, fetch adapter",
    placements: ONE_LAYER,
    spanPer: "request",
    retries: true,
    open: ({ outer }, retries) => throughAxios("fetch", (instance) => instrumentAxios(instance, outer), retries),
  },
  {
    name: "got",
    placements: ONE_LAYER,
    spanPer: "request",
    retries: true,
    open: ({ outer }, retries) => throughGot((instance) => wrapGot(instance, outer), retries),
  },
];

/** Two layers of instrumentation over each other, which may be of two copies of the package. */
export const twoLayers = (outside: PackageCopy, inside: PackageCopy): Stacking[] => [
  {
    name: "instrumentFetch() after instrumentFetch()",
    placements: GLOBAL_PLACE,
    spanPer: "request",
    retries: false,
    open: ({ outer, inner }) =>
      throughFetch(() => globalThis.fetch, inReverse(inside.instrumentFetch(inner), outside.instrumentFetch(outer))),
  },
  {
    name: "wrapFetch(instrumented fetch)",
    placements: TWO_LAYERS,
    spanPer: "request",
    retries: false,
    open: ({ outer, inner }) => {
      const undo = inside.instrumentFetch(inner);
      const fetch = outside.wrapFetch(globalThis.fetch, outer);
      return throughFetch(() => fetch, undo);
    },
  },
  {
    name: "wrapFetch(wrapFetch(fetch))",
    placements: TWO_LAYERS,
    spanPer: "request",
    retries: false,
    open: ({ outer, inner }) => {
      const fetch = outside.wrapFetch(inside.wrapFetch(nativeFetch, inner), outer);
      return throughFetch(() => fetch);
    },
  },
  {
    name: "wrapFetch() of a function that calls instrumented fetch",
    placements: TWO_LAYERS,
    spanPer: "request",
    retries: false,
    open: ({ outer, inner }) => {
      const undo = inside.instrumentFetch(inner);
      const fetch = outside.wrapFetch(async (...args) => globalThis.fetch(...args), outer);
      return throughFetch(() => fetch, undo);
    },
  },
  {
    name: "wrapFetch(undici.fetch) over traceInterceptor()",
    placements: TWO_LAYERS,
    spanPer: "request",
    retries: false,
    open: ({ outer, inner }) => {
      const dispatcher = new Agent().compose(inside.traceInterceptor(inner));
      const fetch = outside.wrapFetch(npmFetch, outer);
      return throughFetch(
        () => fetch,
        () => dispatcher.close(),
        dispatcher,
      );
    },
  },
  {
    name: "instrumentFetch() over setGlobalDispatcher(traceInterceptor())",
    placements: TWO_LAYERS,
    spanPer: "request",
    retries: false,
    open: ({ outer, inner }) =>
      overGlobalDispatcher(new Agent().compose(inside.traceInterceptor(inner)), () => outside.instrumentFetch(outer)),
  },
  {
    name: "traceInterceptor() over traceInterceptor()",
    placements: TWO_LAYERS,
    spanPer: "request",
    retries: true,
    open: ({ outer, inner }) =>
      throughDispatcher(new Agent().compose(inside.traceInterceptor(inner), outside.traceInterceptor(outer), redirect, retry)),
  },
  {
    name: "axios with the fetch adapter over instrumentFetch()",
    placements: TWO_LAYERS,
    spanPer: "request",
    retries: true,
    open: ({ outer, inner }, retries) =>
      throughAxios(
        "fetch",
        (instance) => inReverse(inside.instrumentFetch(inner), outside.instrumentAxios(instance, outer)),
        retries,
      ),
  },
  {
    name: "instrumentAxios(instrumented instance)",
    placements: TWO_LAYERS,
    spanPer: "request",
    retries: true,
    open: ({ outer, inner }, retries) =>
      throughAxios(
        "http",
        (instance) => inReverse(inside.instrumentAxios(instance, inner), outside.instrumentAxios(instance, outer)),
        retries,
      ),
  },
  {
    name: "wrapGot(wrapped instance)",
    placements: TWO_LAYERS,
    spanPer: "request",
    retries: true,
    open: ({ outer, inner }, retries) => throughGot((instance) => outside.wrapGot(inside.wrapGot(instance, inner), outer), retries),
  },
];
