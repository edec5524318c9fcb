import assert from "node:assert/strict";
import type { Readable } from "node:stream";
import axios from "axios";
import type { AxiosInstance, CreateAxiosDefaults } from "axios";
import { instrumentAxios } from "../../../src/axios.ts";
import { instrumentNode } from "../../../src/node.ts";
import type { Suite } from "./suite.ts";

type Create = (defaults?: CreateAxiosDefaults) => AxiosInstance;

const plain: Create = (defaults) => axios.create(defaults);

const instrumented: Create = (defaults) => {
  const instance = axios.create(defaults);
  instrumentAxios(instance);
  return instance;
};

export const axiosSuite: Suite<Create> = {
  name: "axios",
  source: "axios's README",
  plain: () => plain,
  variants: {
    "`instrumentAxios`": () => ({ subject: instrumented }),
    "`instrumentNode`": () => ({ subject: plain, undo: instrumentNode() }),
  },
  checks: {
    "resolves with data, status, statusText, headers, config and request": async (create, url) => {
      const response = await create().get(`${url}/json`);
      assert.deepEqual([response.data, response.status, response.statusText], [{ answer: 42 }, 200, "OK"]);
      assert.equal(response.headers["content-type"], "application/json");
      assert.equal(response.config.url, `${url}/json`);
      assert.ok(response.request);
    },
    "joins baseURL and params": async (create, url) =>
      assert.equal(
        decodeURIComponent((await create({ baseURL: url }).get("/echo", { params: { a: 1, b: [2, 3] } })).data.url),
        "/echo?a=1&b[]=2&b[]=3",
      ),
    "sends objects as JSON": async (create, url) => {
      const { body, headers } = (await create().post(`${url}/echo`, { a: 1 })).data;
      assert.deepEqual([body, headers["content-type"]], ['{"a":1}', "application/json"]);
    },
    "sends URLSearchParams as a form": async (create, url) =>
      assert.equal((await create().post(`${url}/echo`, new URLSearchParams({ a: "1" }))).data.body, "a=1"),
    "rejects an error status with AxiosError and its response": async (create, url) =>
      assert.rejects(
        () => create().get(`${url}/nowhere`),
        (error) => axios.isAxiosError(error) && error.response?.status === 404 && error.code === "ERR_BAD_REQUEST",
      ),
    "accepts the statuses of validateStatus": async (create, url) =>
      assert.equal((await create({ validateStatus: () => true }).get(`${url}/nowhere`)).status, 404),
    "rejects with ECONNREFUSED": async (create) =>
      assert.rejects(() => create().get("http://127.0.0.1:1/"), { name: /Error/, code: "ECONNREFUSED" }),
    "rejects with CanceledError for an aborted signal": async (create, url) => {
      const controller = new AbortController();
      const pending = create().get(`${url}/stall`, { signal: controller.signal });
      setImmediate(() => controller.abort());
      await assert.rejects(pending, { name: "CanceledError", code: "ERR_CANCELED" });
    },
    "rejects with a code for a timeout": async (create, url) =>
      assert.rejects(
        () => create().get(`${url}/stall`, { timeout: 30 }),
        (error) => axios.isAxiosError(error) && /ECONNABORTED|ETIMEDOUT/.test(String(error.code)),
      ),
    "runs request interceptors last to first and response interceptors first to last": async (create, url) => {
      const instance = create();
      const order: string[] = [];
      for (const name of ["a", "b"]) {
        instance.interceptors.request.use((config) => (order.push(`request ${name}`), config));
        instance.interceptors.response.use((response) => (order.push(`response ${name}`), response));
      }
      await instance.get(`${url}/json`);
      assert.deepEqual(order, ["request b", "request a", "response a", "response b"]);
    },
    "lets interceptors change headers": async (create, url) => {
      const instance = create();
      instance.interceptors.request.use((config) => (config.headers.set("x-a", "1"), config));
      assert.equal((await instance.get(`${url}/echo`)).data.headers["x-a"], "1");
    },
    "ejects interceptors": async (create, url) => {
      const instance = create();
      const id = instance.interceptors.request.use(() => assert.fail("ejected"));
      instance.interceptors.request.eject(id);
      assert.equal((await instance.get(`${url}/json`)).status, 200);
    },
    "applies transformRequest and transformResponse": async (create, url) => {
      const instance = create({ transformRequest: (data) => `<${data}>`, transformResponse: (text: string) => text.length });
      assert.ok((await instance.post(`${url}/echo`, "x")).data > 10);
    },
    "calls a custom adapter with the config": async (create) => {
      const instance = create({ adapter: async (config) => ({ data: "mine", status: 200, statusText: "", headers: {}, config }) });
      assert.equal((await instance.get("http://a.example/")).data, "mine");
    },
    "resolves with a stream": async (create, url) => {
      const { data } = await create({ adapter: "http" }).get<Readable>(`${url}/chunks`, { responseType: "stream" });
      assert.equal(Buffer.concat(await data.toArray()).toString(), "one,two");
    },
    "follows redirects": async (create, url) => assert.equal((await create().get(`${url}/redirect`)).data.url, "/echo"),
    "rejects too many redirects": async (create, url) =>
      assert.rejects(() => create({ adapter: "http", maxRedirects: 2 }).get(`${url}/loop`), { code: "ERR_FR_TOO_MANY_REDIRECTS" }),
    "limits the response by maxContentLength": async (create, url) =>
      assert.rejects(() => create({ maxContentLength: 3 }).get(`${url}/json`), /maxContentLength/),
    "reports download progress": async (create, url) => {
      let loaded = 0;
      await create().get(`${url}/json`, { onDownloadProgress: (event) => void (loaded = event.loaded) });
      assert.equal(loaded, 13);
    },
    "sends basic credentials of auth": async (create, url) =>
      assert.equal(
        (await create().get(`${url}/echo`, { auth: { username: "a", password: "b" } })).data.headers.authorization,
        "Basic YTpi",
      ),
    "is callable": async (create, url) => assert.equal((await create()({ url: `${url}/json` })).status, 200),
    "getUri() builds the URL": (create) => assert.equal(create().getUri({ url: "/a", params: { b: 1 } }), "/a?b=1"),
  },
};

const withFetch =
  (create: Create): Create =>
  (defaults) =>
    create({ adapter: "fetch", ...defaults });

export const axiosFetchSuite: Suite<Create> = {
  ...axiosSuite,
  name: "axios, fetch adapter",
  plain: () => withFetch(plain),
  variants: {
    "`instrumentAxios`": () => ({ subject: withFetch(instrumented) }),
    "`instrumentNode`": () => ({ subject: withFetch(plain), undo: instrumentNode() }),
  },
};
