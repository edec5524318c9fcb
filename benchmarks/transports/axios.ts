import type { AxiosAdapter } from "axios";
import { PEER, RESPONSE_BODY, RESPONSE_HEADERS, RESPONSE_STATUS } from "./exchange.ts";

export interface AxiosStub {
  readonly adapter: AxiosAdapter;
  readonly sent: () => Record<string, string>;
}

/** An adapter that does nothing, and passes for axios's own of node:http. */
export function axiosStub(): AxiosStub {
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
  const snapshot = (): Record<string, string> => ({ ...last });
  return { adapter: Object.assign(adapter, { adapterName: "http" }), sent: snapshot };
}

const BODY = RESPONSE_BODY.toString();
const REQUEST = { socket: PEER, res: { httpVersion: "1.1" } };
