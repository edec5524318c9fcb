import "./telemetry.js";
import { createServer } from "node:http";
import axios from "axios";
import got from "got";
import { Agent, request } from "undici";
import { instrumentAxios } from "a2a-otel/axios";
import { instrumentFetch, wrapFetch } from "a2a-otel/fetch";
import { wrapGot } from "a2a-otel/got";
import { traceRequests } from "a2a-otel/server/node";
import { traceInterceptor } from "a2a-otel/undici";

instrumentFetch();
instrumentAxios(axios);
const traced = wrapGot(got).extend({ retry: { limit: 0 } });
const dispatcher = new Agent().compose(traceInterceptor());

// A minifier renames classes, but not this.
class QuotaExceeded extends Error {
  name = "QuotaExceeded";
}
const limited = wrapFetch(async () => {
  throw new QuotaExceeded();
});

const agent = process.env.AGENT_URL;
const clients = {
  fetch: async (path, signal) => (await fetch(agent + path, { signal })).text(),
  undici: async (path, signal) => (await request(agent + path, { dispatcher, signal })).body.text(),
  axios: async (path, signal) => (await axios.get(agent + path, { signal })).data,
  got: async (path, signal) => (await traced(agent + path, { signal })).body,
  limited: (path) => limited(agent + path),
};

const server = createServer(
  traceRequests(async (incoming, response) => {
    const { pathname, searchParams } = new URL(incoming.url, "http://localhost");
    const [, client, path] = pathname.split("/");
    const timeout = searchParams.get("timeout");
    try {
      response.end(await clients[client](`/${path}`, timeout === null ? undefined : AbortSignal.timeout(Number(timeout))));
    } catch (error) {
      response.writeHead(502).end(error.name);
    }
  }),
);
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
