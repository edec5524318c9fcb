import { runInContext, createContext } from "node:vm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { wrapFetch } from "../../src/fetch.ts";
import { serve, ROUTES } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import { CLIENTS, EXITED_NORMALLY, waitForReport, sorted, span, start, stopAll, reports } from "./programs.ts";

const LONG_TIMEOUT = { timeout: 60_000 };

let server: TestServer;
beforeAll(async () => void (server = await serve(ROUTES)));
afterAll(() => server.close());
beforeEach(() => void (server.requests.length = 0));
afterEach(() => stopAll());

/** The `traceparent` of each request, by path. */
const traceparents = (): Map<string, string | undefined> =>
  new Map(server.requests.map(({ url, headers }) => [url, headers["traceparent"] as string | undefined]));

describe("worker threads", () => {
  it("are instrumented independently of the main thread and of each other", LONG_TIMEOUT, async () => {
    const child = start("threads", { SERVER: server.url });
    expect(await child.ended).toEqual(EXITED_NORMALLY);
    expect(child.errors()).toBe("");
    expect(reports(child, "main is traced")).toEqual([true]);
    expect(reports(child, "worker is traced at first")).toEqual([false]);
    expect(reports(child, "worker is traced then")).toEqual([true]);
    expect(reports(child, "worker ended")).toEqual([0]);
    expect(reports(child, "worker cut")).toEqual([1]);
    const spans = [...CLIENTS.map((name) => `worker-${name}`), "main-before", "main-after"].map((name) => span(`/ok?${name}`, 200));
    expect(sorted(reports(child, "span"))).toEqual(sorted(spans));
    const untraced = [...traceparents()].filter(([, traceparent]) => traceparent === undefined).map(([path]) => path);
    expect(untraced).toEqual(["/ok?worker-plain"]);
  });

  it("are instrumented if the process imports register", LONG_TIMEOUT, async () => {
    const child = start("threads", { SERVER: server.url }, ["./dist/register.js"]);
    expect(await child.ended).toEqual(EXITED_NORMALLY);
    expect(reports(child, "worker is traced at first")).toEqual([true]);
  });
});

it("continues a trace in every worker of a cluster, also after one was killed", LONG_TIMEOUT, async () => {
  const child = start("clustered", { SERVER: server.url });
  await waitForReport(child, "port");
  const url = `http://127.0.0.1:${String(reports(child, "port")[0])}/`;
  const pids = new Set<string>();
  const ask = async (n: number): Promise<void> => {
    const trace = n.toString(16).padStart(32, "a");
    const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01`, connection: "close" };
    const [pid = "", status] = (await (await fetch(url, { headers })).text()).split(" ");
    expect(status).toBe("200");
    expect(server.requests.at(-1)?.headers["traceparent"]).toMatch(new RegExp(`^00-${trace}-(?!00f067aa0ba902b7)[\\da-f]{16}-01$`));
    pids.add(pid);
  };
  for (let n = 0; n < 8; n++) await ask(n);
  expect(pids.size).toBe(2);
  const [dying, other] = [...pids].map(Number) as [number, number];
  process.kill(dying, "SIGTERM");
  await waitForReport(child, "worker");
  for (let n = 8; n < 12; n++) await ask(n);
  child.send("SIGTERM");
  expect(await child.ended).toEqual(EXITED_NORMALLY);
  expect(child.errors()).toBe("");
  expect(reports(child, "worker")).toEqual([
    { pid: dying, code: null, signal: "SIGTERM" },
    { pid: other, code: 0, signal: null },
  ]);
  const others = server.requests.filter((request) => request.url === `/ok?${other}`);
  const spans = others.flatMap(({ url: path }) => [span(path, 200), span("/", 200, { kind: 1 })]);
  expect(sorted(reports(child, "span"))).toEqual(sorted(spans));
});

describe("code in a vm context", () => {
  const GIVEN: Record<string, string> = {
    "a record": '({ method: "POST", body: "text", headers: { "x-a": "1", TraceParent: "by caller" } })',
    "a frozen record": 'Object.freeze({ method: "POST", body: "text", headers: Object.freeze({ "x-a": "1" }) })',
    "an array": '({ method: "POST", body: "text", headers: [["x-a", "1"], ["traceparent", "by caller"]] })',
    "a Map": '({ method: "POST", body: "text", headers: new Map([["x-a", "1"], ["traceparent", "by caller"]]) })',
    "an iterator": '({ method: "POST", body: "text", headers: (function* () { yield ["x-a", "1"]; })() })',
    "a class": '(new (class { #m = "POST"; get method() { return this.#m; } body = "text"; headers = { "x-a": "1" }; })())',
  };

  it.each(Object.entries(GIVEN))("may call a traced fetch with objects of its realm: %s", async (_, given) => {
    const telemetry = startTelemetry();
    const plain = createContext({ fetch, url: `${server.url}/echo` });
    const traced = createContext({ fetch: wrapFetch(fetch), url: `${server.url}/echo` });
    const code = `(async () => { const response = await fetch(url, ${given}); return [response.status, await response.text()].join(); })()`;
    const call = (where: object): Promise<string> => runInContext(code, where) as Promise<string>;
    expect(await call(plain)).toBe("200,text");
    expect(await inSpan("agent", () => call(traced))).toBe("200,text");
    const [one] = await telemetry.ended(1);
    expect(server.values("traceparent")).toEqual([traceparentOf(one!)]);
    expect(server.values("x-a")).toEqual(["1"]);
    expect(server.requests[0]?.method).toBe("POST");
    expect(server.requests[1]?.method).toBe("POST");
    await telemetry.stop();
  });

  it("receives the error of its realm, and the span records its type", async () => {
    const telemetry = startTelemetry();
    const where = createContext({ fetch: wrapFetch(async () => runInContext("throw new RangeError('own')", where) as never) });
    const failure: unknown = await runInContext("fetch('http://a.example/').catch((error) => error instanceof RangeError)", where);
    expect(failure).toBe(true);
    const [one] = await telemetry.ended(1);
    expect(one!.attributes["error.type"]).toBe("RangeError");
    await telemetry.stop();
  });
});
