import { instrumentAxios } from "a2a-otel/axios";
import { default as axios } from "axios";
import type { AxiosAdapter, AxiosInstance } from "axios";
import type { Trio } from "../measure/trio.ts";
import { axiosStub } from "../transports/axios.ts";
import { REQUEST_BODY } from "../transports/exchange.ts";
import { endClientFloor, startClientFloor } from "./floor.ts";
import type { RowOptions } from "./options.ts";

export function axiosTrio({ nextTarget, requestHeaders }: RowOptions): Trio {
  const stub = axiosStub();
  const floorStub = axiosStub().adapter;
  const spanning: AxiosAdapter = (config) => {
    const { url, address, port } = nextTarget();
    const span = startClientFloor(url, address, port, config.headers);
    return floorStub(config).then((response) => {
      endClientFloor(span);
      return response;
    });
  };
  const base = axios.create({ adapter: axiosStub().adapter });
  const floor = axios.create({ adapter: spanning });
  const traced = axios.create({ adapter: stub.adapter });
  instrumentAxios(traced);
  const post = (client: AxiosInstance) => (): Promise<unknown> =>
    client.post(nextTarget().url, REQUEST_BODY, { headers: requestHeaders });
  return { base: post(base), floor: post(floor), traced: post(traced), sent: stub.sent };
}
