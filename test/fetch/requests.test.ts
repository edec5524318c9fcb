import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { bothWays, errorShape, headerValues, openWire, streamed, withoutPropagation } from "./control.ts";
import type { Wire } from "./control.ts";

let telemetry: TestTelemetry;
let wire: Wire;
beforeAll(async () => void (wire = await openWire()));
afterAll(() => wire.close());
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(() => telemetry.stop());

type Call = (url: string) => Promise<Response>;

interface Seen {
  requests: string[];
  outcome: unknown;
}

/** Makes the same call without and with tracing: the requests without the propagation headers, and the caller's result. */
async function sameCall(call: Call): Promise<{ plain: Seen; traced: Seen; sent: string[][]; issued: string[][] }> {
  wire.taken();
  const taken: string[][] = [];
  const { plain, traced } = await bothWays(async () => {
    const response = await call(`${wire.url}/path?a=1&b=%20`);
    const answer = await response.text();
    taken.push(wire.taken());
    return { status: response.status, answer };
  });
  const [before = [], after = []] = taken;
  const spans = await telemetry.ended(after.length);
  return {
    plain: { requests: before.map(withoutPropagation), outcome: plain.value ?? errorShape(plain.error) },
    traced: { requests: after.map(withoutPropagation), outcome: traced.value ?? errorShape(traced.error) },
    sent: after.map((request) => headerValues(request, "traceparent")),
    issued: spans.map((span) => [traceparentOf(span)]),
  };
}

const POST = { method: "POST", headers: { "x-a": "1" }, body: "text" } as const;

class WithGetters {
  readonly #method = "PUT";
  get method(): string {
    return this.#method;
  }
  get headers(): Record<string, string> {
    return { "x-private": this.#method };
  }
  get body(): string {
    return "from a getter";
  }
}
class Inheriting extends WithGetters {}
class OwnRequest extends Request {}

const INPUTS: Record<string, Call> = {
  "a string": (url) => fetch(url),
  "a string with a fragment and credential-like text": (url) => fetch(`${url}&c=user:pass@x#fragment`),
  "a string with spaces around it": (url) => fetch(`  ${url}\n`),
  "a URL": (url) => fetch(new URL(url)),
  "an object that becomes a string": (url) => fetch({ toString: () => url } as unknown as URL),
  "a Request": (url) => fetch(new Request(url)),
  "a Request with a body and headers": (url) => fetch(new Request(url, POST)),
  "a Request of a subclass": (url) => fetch(new OwnRequest(url, POST)),
  "a Request with a stream for a body": (url) => fetch(new Request(url, streamed(new Blob(["streamed"]).stream()))),
  "a Request and an init whose headers replace the request's": (url) => fetch(new Request(url, POST), { headers: { "x-b": "2" } }),
  "a Request and an init without headers": (url) => fetch(new Request(url, POST), { method: "PUT" }),
  "a Request and an init with another body": (url) => fetch(new Request(url, POST), { method: "POST", body: "other" }),
  "a Request and an empty init": (url) => fetch(new Request(url, { ...POST, referrer: "http://127.0.0.1:1/from" }), {}),
  "a Request and an init of undefined values": (url) =>
    fetch(new Request(url, { referrer: "http://127.0.0.1:1/from" }), { headers: undefined, method: undefined } as object),
  "a Request with a referrer": (url) =>
    fetch(new Request(url, { referrer: "http://127.0.0.1:1/from", referrerPolicy: "unsafe-url" })),
  "a Request with no referrer": (url) => fetch(new Request(url, { referrer: "" })),
  "a Request in mode no-cors": (url) => fetch(new Request(url, { mode: "no-cors", headers: { "x-a": "1" } })),
  "a Request in place of the init": (url) => fetch(url, new Request("http://127.0.0.1:1/", POST)),
  "a class instance with getters and private members as init": (url) => fetch(url, new WithGetters()),
  "an instance of a class that inherits them": (url) => fetch(url, new Inheriting()),
  "an init that inherits from another": (url) => fetch(url, Object.create(POST) as RequestInit),
  "an init without a prototype": (url) => fetch(url, Object.assign(Object.create(null) as object, POST)),
  "an init that is a proxy": (url) => fetch(url, new Proxy({ ...POST }, {})),
  "an init that is a function": (url) =>
    fetch(
      url,
      Object.assign(() => {}, POST),
    ),
  "an init that is null": (url) => fetch(url, null as unknown as RequestInit),
  "a frozen init with frozen headers": (url) => fetch(url, Object.freeze({ ...POST, headers: Object.freeze({ "x-a": "1" }) })),
  "a third argument": (url) => Reflect.apply(fetch, undefined, [url, POST, "more"]) as Promise<Response>,
  "another this": (url) => fetch.call({} as typeof globalThis, url, POST),
};

class TokenHeaders extends Headers {
  constructor(token: string) {
    super({ accept: "text/plain" });
    this.set("authorization", token);
  }
}
function* pairs(): Generator<[string, string]> {
  yield ["x-a", "1"];
  yield ["X-A", "2"];
}
const HEADERS: Record<string, () => unknown> = {
  "a record": () => ({ "x-a": "1", "X-B": "2" }),
  "a record with one name in two letter cases": () => ({ "x-a": "1", "X-A": "2" }),
  "a record of other values than strings": () => ({ "x-a": 1, "x-b": true, "x-c": null, "x-d": undefined, "x-e": ["1", "2"] }),
  "a record without a prototype": () => Object.assign(Object.create(null) as object, { "x-a": "1" }),
  "a record with getters": () => ({
    get "x-a"() {
      return "1";
    },
  }),
  "a proxy": () => new Proxy({ "x-a": "1" }, {}),
  "a frozen record": () => Object.freeze({ "x-a": "1" }),
  "an empty record": () => ({}),
  "an array of pairs": () => [
    ["x-a", "1"],
    ["X-A", "2"],
    ["set-cookie", "a"],
    ["set-cookie", "b"],
  ],
  "a frozen array of pairs": () => Object.freeze([Object.freeze(["x-a", "1"])]),
  "an empty array": () => [],
  "pairs that are iterables themselves": () => [new Set(["x-a", "1"])],
  Headers: () => new Headers({ "x-b": "2", "x-a": "1" }),
  "Headers with several cookies": () => new Headers([...pairs()]),
  "Headers of a subclass whose constructor takes something else": () => new TokenHeaders("Bearer secret"),
  "a Map": () => new Map([["x-a", "1"]]),
  "a generator, which can be read once": () => pairs(),
  "an iterable of another kind": () => ({ [Symbol.iterator]: pairs }),
  "null-like: undefined": () => undefined,
};

function form(): FormData {
  const data = new FormData();
  data.set("field", "välue");
  data.set("file", new File(["content"], "näme.txt", { type: "text/plain" }));
  return data;
}
async function* chunks(): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode("one");
  await new Promise((resolve) => setTimeout(resolve, 1));
  yield new TextEncoder().encode("two");
}
const BODIES: Record<string, () => unknown> = {
  "a string": () => "strïng",
  "an empty string": () => "",
  null: () => null,
  "a Uint8Array": () => new Uint8Array([0, 255, 10, 13]),
  "a part of an ArrayBuffer": () => new Uint8Array(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2),
  "an ArrayBuffer": () => new Uint8Array([1, 2, 3]).buffer,
  "a DataView": () => new DataView(new ArrayBuffer(3)),
  "a Blob with a type": () => new Blob(["blob"], { type: "text/x-blob" }),
  "a File": () => new File(["file"], "a.txt"),
  URLSearchParams: () => new URLSearchParams({ a: "1 2", b: "&" }),
  FormData: () => form(),
  "a ReadableStream": () => new Blob(["streamed"]).stream(),
  "an async generator": () => chunks(),
  "an object that becomes a string": () => ({ toString: () => "text" }),
  "a large body": () => Buffer.alloc(300_000, "x"),
};

const OPTIONS: Record<string, RequestInit> = {
  "a method in lower case": { method: "post" },
  "a method that is null, which is a name to fetch": { method: null as unknown as string, body: "text" },
  "patch in lower case, which fetch leaves so": { method: "patch" },
  "a method of one's own": { method: "PURGE" },
  "HEAD, in lower case": { method: "head" },
  "a signal": { signal: new AbortController().signal },
  "cache: no-store": { cache: "no-store" },
  "cache: no-cache": { cache: "no-cache" },
  "credentials, mode and keepalive": { credentials: "omit", mode: "cors", keepalive: true },
  "redirect: manual": { redirect: "manual" },
  "a referrer": { referrer: "http://127.0.0.1:1/from", referrerPolicy: "no-referrer-when-downgrade" },
};

const CALLS: [string, Call][] = [
  ...Object.entries(INPUTS).map(([name, call]): [string, Call] => [`input: ${name}`, call]),
  ...Object.entries(HEADERS).flatMap(([name, headers]): [string, Call][] => [
    [`headers: ${name}`, (url) => fetch(url, { headers: headers() as HeadersInit })],
    [`headers beside a Request: ${name}`, (url) => fetch(new Request(url, POST), { headers: headers() as HeadersInit })],
  ]),
  ...Object.entries(BODIES).flatMap(([name, body]): [string, Call][] => [
    [`body: ${name}`, (url) => fetch(url, streamed(body()))],
    [`body of a Request: ${name}`, (url) => fetch(new Request(url, streamed(body())))],
  ]),
  ...Object.entries(OPTIONS).map(([name, init]): [string, Call] => [`init: ${name}`, (url) => fetch(url, init)]),
];

describe("sends the same bytes as without tracing, except for the propagation headers", () => {
  it.each(CALLS)("%s", async (_, call) => {
    const { plain, traced, sent, issued } = await sameCall(call);
    expect(plain.requests).toHaveLength(1);
    expect(traced).toEqual(plain);
    expect(sent).toEqual(issued);
  });
});
