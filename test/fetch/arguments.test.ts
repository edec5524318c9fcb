import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instrumentFetch, wrapFetch } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let undo: () => void;
beforeAll(async () => void (server = await serve(ROUTES)));
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  undo = instrumentFetch();
});
afterEach(() => {
  undo();
  return telemetry.stop();
});

const plain = (input: string | URL | Request, init?: RequestInit): Promise<Response> => fetch(input, init);

describe("the caller's arguments", () => {
  it("leaves an init unchanged when it is used for several calls", async () => {
    const init = { method: "POST", headers: new Headers({ "x-a": "1" }), body: "again" };
    const headerCounts: unknown[] = [];
    for (let call = 0; call < 3; call++) {
      expect(await (await fetch(`${server.url}/echo`, init)).text()).toBe("again");
      headerCounts.push(server.requests.at(-1)?.rawHeaders.length);
    }
    expect(new Set(headerCounts).size).toBe(1);
    expect([...init.headers]).toEqual([["x-a", "1"]]);
    expect(Reflect.ownKeys(init)).toEqual(["method", "headers", "body"]);
  });

  const shapes: Record<string, object> = {
    "a record": { "x-a": "1", TraceParent: "by hand" },
    pairs: [["x-a", "1"]],
    Headers: new Headers({ "x-a": "1", traceparent: "by hand" }),
    "a Map": new Map([["x-a", "1"]]),
    "a frozen record": Object.freeze({ "x-a": "1" }),
    "frozen pairs": Object.freeze([Object.freeze(["x-a", "1"])]),
  };
  it.each(Object.entries(shapes))("leaves headers unchanged: %s", async (_, headers) => {
    const before = snapshot(headers);
    await fetch(`${server.url}/ok`, { headers: headers as HeadersInit });
    expect(server.values("x-a")).toEqual(["1"]);
    expect(snapshot(headers)).toEqual(before);
  });

  it("leaves the headers and the body of a Request unchanged", async () => {
    const request = new Request(`${server.url}/echo`, { method: "POST", headers: { "x-a": "1" }, body: "text" });
    await fetch(request.clone());
    expect([...request.headers]).toEqual([
      ["content-type", "text/plain;charset=UTF-8"],
      ["x-a", "1"],
    ]);
    expect(request.bodyUsed).toBe(false);
  });

  it("passes headers to a custom fetch in the shape of the caller's", async () => {
    const given: unknown[] = [];
    const traced = wrapFetch(async (_, init) => {
      given.push(init?.headers);
      return new Response();
    });
    await traced(`${server.url}/echo`, { headers: { "x-a": "1" } });
    await traced(`${server.url}/echo`, { headers: [["x-a", "1"]] });
    await traced(`${server.url}/echo`, { headers: new Headers({ "x-a": "1" }) });
    await traced(`${server.url}/echo`, { headers: new Map([["x-a", "1"]]) as unknown as HeadersInit });
    const ids = (await telemetry.ended(4)).map(traceparentOf);
    expect(given).toEqual([
      { "x-a": "1", traceparent: ids[0] },
      [
        ["x-a", "1"],
        ["traceparent", ids[1]],
      ],
      expect.any(Headers),
      new Map([
        ["x-a", "1"],
        ["traceparent", ids[3]],
      ]),
    ]);
    expect(Object.fromEntries(given[2] as Headers)).toEqual({ "x-a": "1", traceparent: ids[2] });
  });

  it("gives the wrapper the name, the length and the own properties of the wrapped function", () => {
    const original = Object.assign(plain, { preconnect: () => 1 });
    const traced = wrapFetch(original);
    expect({ name: traced.name, length: traced.length }).toEqual({ name: "plain", length: 2 });
    expect(traced.preconnect).toBe(original.preconnect);
    expect(Object.keys(original)).toEqual(["preconnect"]);
  });
});

function snapshot(headers: object): unknown {
  return headers instanceof Headers || headers instanceof Map ? [...headers] : structuredClone(headers);
}
