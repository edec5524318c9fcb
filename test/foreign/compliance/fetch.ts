import assert from "node:assert/strict";
import { instrumentFetch, wrapFetch } from "../../../src/fetch.ts";
import { instrumentNode } from "../../../src/node.ts";
import type { Echo, Suite } from "./suite.ts";

type Fetch = typeof fetch;

const post = (body: BodyInit, more: object = {}): RequestInit => ({ method: "POST", body, ...more });
const echoed = async (response: Promise<Response>): Promise<Echo> => (await response).json() as Promise<Echo>;

export const fetchSuite: Suite<() => Fetch> = {
  name: "fetch",
  source: "WHATWG Fetch, MDN",
  plain: () => () => fetch,
  variants: {
    "`wrapFetch`": () => {
      const wrapped = wrapFetch(fetch);
      return { subject: () => wrapped };
    },
    "`instrumentFetch`": () => ({ undo: instrumentFetch(), subject: () => fetch }),
    "`instrumentNode`": () => ({ undo: instrumentNode(), subject: () => fetch }),
  },
  checks: {
    "sends GET by default": async (get, url) => assert.equal((await echoed(get()(`${url}/echo`))).method, "GET"),
    "accepts a URL object": async (get, url) => assert.equal((await echoed(get()(new URL(`${url}/echo?a=1`)))).url, "/echo?a=1"),
    "accepts a Request": async (get, url) => {
      const request = new Request(`${url}/echo`, { method: "PUT", body: "text", headers: { "x-a": "1" } });
      const { method, body, headers } = await echoed(get()(request));
      assert.deepEqual([method, body, headers["x-a"]], ["PUT", "text", "1"]);
      assert.equal(request.bodyUsed, true);
    },
    "lets the init override a Request": async (get, url) => {
      const request = new Request(`${url}/echo`, { headers: { "x-a": "1" } });
      const { method, headers } = await echoed(get()(request, { method: "DELETE", headers: { "x-b": "2" } }));
      assert.deepEqual([method, headers["x-a"], headers["x-b"]], ["DELETE", undefined, "2"]);
    },
    "normalises the standard methods": async (get, url) =>
      assert.equal((await echoed(get()(`${url}/echo`, { method: "post" }))).method, "POST"),
    "sets the content type of text": async (get, url) =>
      assert.equal((await echoed(get()(`${url}/echo`, post("text")))).headers["content-type"], "text/plain;charset=UTF-8"),
    "sends URLSearchParams as a form": async (get, url) => {
      const { body, headers } = await echoed(get()(`${url}/echo`, post(new URLSearchParams({ a: "1 2" }))));
      assert.deepEqual([body, headers["content-type"]], ["a=1+2", "application/x-www-form-urlencoded;charset=UTF-8"]);
    },
    "sends FormData with a boundary": async (get, url) => {
      const form = new FormData();
      form.set("field", "value");
      const { body, headers } = await echoed(get()(`${url}/echo`, post(form)));
      const boundary = /boundary=(.*)/.exec(headers["content-type"] ?? "")?.[1] ?? "none";
      assert.ok(body.includes(`--${boundary}`));
    },
    "sends a Blob with its type": async (get, url) =>
      assert.equal(
        (await echoed(get()(`${url}/echo`, post(new Blob(["x"], { type: "text/x" }))))).headers["content-type"],
        "text/x",
      ),
    "sends a stream": async (get, url) =>
      assert.equal(
        (await echoed(get()(`${url}/echo`, post(new Blob(["ab"]).stream() as BodyInit, { duplex: "half" })))).body,
        "ab",
      ),
    "requires duplex for a stream": async (get, url) =>
      assert.rejects(() => get()(`${url}/echo`, post(new ReadableStream() as BodyInit)), TypeError),
    "refuses a body with GET": async (get, url) => assert.rejects(() => get()(`${url}/echo`, { body: "x" }), TypeError),
    "refuses an invalid URL": async (get) => assert.rejects(() => get()("http://"), TypeError),
    "refuses a URL with credentials": async (get) => assert.rejects(() => get()("http://user:secret@127.0.0.1/"), TypeError),
    "refuses a forbidden method": async (get, url) => assert.rejects(() => get()(url, { method: "TRACE" }), TypeError),
    "rejects with TypeError and a cause on network errors": async (get) =>
      assert.rejects(
        () => get()("http://127.0.0.1:1/"),
        (error: Error) => error instanceof TypeError && error.cause !== undefined,
      ),
    "fulfils for an error status": async (get, url) => {
      const response = await get()(`${url}/nowhere`);
      assert.deepEqual([response.ok, response.status, response.statusText], [false, 404, "Not Found"]);
    },
    "follows redirects": async (get, url) => {
      const response = await get()(`${url}/redirect`, post("x"));
      assert.deepEqual([response.redirected, response.url], [true, `${url}/echo`]);
      assert.equal((await response.json()).method, "GET");
    },
    "keeps method and body for 307": async (get, url) =>
      assert.deepEqual(await echoed(get()(`${url}/redirect-307`, post("x"))).then(({ method, body }) => [method, body]), [
        "POST",
        "x",
      ]),
    "rejects a redirect for redirect: error": async (get, url) =>
      assert.rejects(() => get()(`${url}/redirect`, { redirect: "error" }), TypeError),
    "returns the redirect for redirect: manual": async (get, url) =>
      assert.equal((await get()(`${url}/redirect`, { redirect: "manual" })).status, 302),
    "stops redirect loops": async (get, url) => assert.rejects(() => get()(`${url}/loop`), TypeError),
    "rejects with the reason of an aborted signal": async (get, url) => {
      const reason = new Error("mine");
      await assert.rejects(
        () => get()(`${url}/echo`, { signal: AbortSignal.abort(reason) }),
        (error) => error === reason,
      );
    },
    "rejects with TimeoutError for AbortSignal.timeout": async (get, url) =>
      assert.rejects(() => get()(`${url}/stall`, { signal: AbortSignal.timeout(20) }), { name: "TimeoutError" }),
    "rejects the body of a connection that is cut": async (get, url) => {
      const response = await get()(`${url}/cut`);
      await assert.rejects(() => response.text(), TypeError);
    },
    "reads a body once": async (get, url) => {
      const response = await get()(`${url}/json`);
      assert.deepEqual(await response.json(), { answer: 42 });
      assert.equal(response.bodyUsed, true);
      await assert.rejects(() => response.text(), TypeError);
    },
    "clones a response": async (get, url) => {
      const response = await get()(`${url}/json`);
      const copy = response.clone();
      assert.deepEqual(await Promise.all([response.text(), copy.text()]), ['{"answer":42}', '{"answer":42}']);
    },
    "has no body for 204": async (get, url) => assert.equal((await get()(`${url}/empty`)).body, null),
    "streams a body": async (get, url) => {
      let text = "";
      for await (const chunk of (await get()(`${url}/chunks`)).body!) text += Buffer.from(chunk).toString();
      assert.equal(text, "one,two");
    },
    "separates set-cookie headers": async (get, url) =>
      assert.deepEqual((await get()(`${url}/cookies`)).headers.getSetCookie(), ["a=1", "b=2"]),
    "has immutable response headers": async (get, url) => {
      const { headers } = await get()(`${url}/json`);
      assert.throws(() => headers.set("x-a", "1"), TypeError);
    },
    "returns a Response": async (get, url) => {
      const response = await get()(`${url}/json`);
      assert.ok(response instanceof Response);
      assert.equal(response.type, "basic");
    },
    "fetches data: URLs": async (get) => assert.equal(await (await get()("data:text/plain,hello")).text(), "hello"),
    "is a function of one argument": (get) => assert.equal(get().length, 1),
    "is named fetch": (get) => assert.equal(get().name, "fetch"),
  },
};
