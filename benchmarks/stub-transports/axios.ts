import type { AxiosAdapter } from "axios";
import { PEER, RESPONSE_BODY, RESPONSE_HEADERS, RESPONSE_STATUS } from "./exchange.ts";

export interface StubAdapter {
  readonly adapter: AxiosAdapter;
  readonly sentHeaders: () => Record<string, string>;
}

/** An axios adapter that answers at once. It has the name of axios's own `node:http` adapter. */
export function createStubAdapter(): StubAdapter {
  let last: Record<string, string> = {};
  const adapter: AxiosAdapter = (config) => {
    last = config.headers;
    return Promise.resolve({
      data: BODY,
      status: RESPONSE_STATUS,
      statusText: "OK",
      headers: { ...RESPONSE_HEADERS },
      config,
      request: REQUEST,
    });
  };
  return { adapter: Object.assign(adapter, { adapterName: "http" }), sentHeaders: () => ({ ...last }) };
}

const BODY = RESPONSE_BODY.toString();
const REQUEST = { socket: PEER, res: { httpVersion: "1.1" } };
