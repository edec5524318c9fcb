import axios, { Axios, create } from "axios";
import type { AxiosError, AxiosInstance, InternalAxiosRequestConfig } from "axios";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let server: TestServer;
let telemetry: TestTelemetry;
let instance: AxiosInstance;

beforeAll(async () => {
  server = await serve(ROUTES);
});
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  instance = create();
});
afterEach(() => telemetry.stop());

describe("undoing the instrumentation", () => {
  it("restores the instance exactly", async () => {
    const snapshot = (): unknown => ({
      keys: Reflect.ownKeys(instance),
      interceptorKeys: Reflect.ownKeys(instance.interceptors.request),
      interceptors: Object.getOwnPropertyDescriptors(instance.interceptors.request),
      defaults: { ...instance.defaults },
    });
    const before = snapshot();
    const undo = instrumentAxios(instance);
    expect(instance.interceptors.request.handlers).toEqual([]);
    undo();
    expect(snapshot()).toEqual(before);
    await instance.get(`${server.url}/ok`);
    await telemetry.ended(0);
    expect(server.values("traceparent")).toEqual([]);
  });

  it("takes effect when each of several callers has undone it", async () => {
    const undos = [instrumentAxios(instance), instrumentAxios(instance)];
    undos[0]!();
    undos[0]!();
    await instance.get(`${server.url}/ok`);
    expect(await telemetry.ended(1)).toHaveLength(1);
    undos[1]!();
    await instance.get(`${server.url}/ok`);
    expect(await telemetry.ended(1)).toHaveLength(1);
  });

  it("keeps a function that another library has wrapped around ours, and no longer traces", async () => {
    const undo = instrumentAxios(instance);
    const manager = instance.interceptors.request as unknown as { forEach: (visit: unknown) => void };
    const ours = manager.forEach;
    const theirs = function (this: unknown, visit: unknown): void {
      Reflect.apply(ours, this, [visit]);
    };
    manager.forEach = theirs;
    undo();
    expect(manager.forEach).toBe(theirs);
    await instance.get(`${server.url}/ok`);
    await telemetry.ended(0);
  });

  it("sends a config that failed before without tracing", async () => {
    const undo = instrumentAxios(instance);
    const error = await instance.get(`${server.url}/missing`).catch((reason: unknown) => reason as AxiosError);
    undo();
    await expect(instance.request((error as AxiosError).config!)).rejects.toThrow("404");
    await telemetry.ended(1);
  });
});

describe("instrumentAxios", () => {
  it("called twice, and by two copies of the package, records one span and sends one header", async () => {
    vi.resetModules();
    const copy = await import("../../src/axios.ts");
    expect(copy.instrumentAxios).not.toBe(instrumentAxios);
    instrumentAxios(instance);
    instrumentAxios(instance);
    copy.instrumentAxios(instance)();
    await instance.get(`${server.url}/ok`);
    const [own] = await telemetry.ended(1);
    expect(server.values("traceparent")).toEqual([traceparentOf(own!)]);
  });

  it("instruments the default axios and a `new Axios()`, but no instance that is created from them", async () => {
    const undo = instrumentAxios(axios);
    await axios(`${server.url}/ok`);
    await axios.get(`${server.url}/ok`);
    await create().get(`${server.url}/ok`);
    undo();
    const own = new Axios({ adapter: "http" });
    instrumentAxios(own);
    await own.get(`${server.url}/ok`);
    expect(await telemetry.ended(3)).toHaveLength(3);
  });

  it("throws for an invalid option and for a value that is not an axios instance", () => {
    expect(() => instrumentAxios(instance, { endSpanOn: "never" as "headers" })).toThrow(TypeError);
    expect(() => instrumentAxios({} as AxiosInstance)).toThrow("instrumentAxios: instance must be axios");
  });
});

describe("interceptors of the application", () => {
  it("are the only ones that axios visits while tracing is inactive", async () => {
    await telemetry.stop();
    const visited: unknown[] = [];
    const manager = instance.interceptors.request as unknown as { forEach: (visit: (handler: unknown) => void) => void };
    const undo = instrumentAxios(instance);
    manager.forEach((handler) => visited.push(handler));
    expect(visited).toEqual([]);
    telemetry = startTelemetry();
    manager.forEach((handler) => visited.push(handler));
    expect(visited).toHaveLength(1);
    undo();
  });

  it.each([true, false])("can be added and ejected: ours runs once, as the last one (reverse order: %s)", async (reverse) => {
    const made = create({ transitional: { legacyInterceptorReqResOrdering: reverse } });
    instrumentAxios(made);
    const change = (config: InternalAxiosRequestConfig): InternalAxiosRequestConfig => ({ ...config, url: `${server.url}/json` });
    await made.get(`${server.url}/ok`);
    const id = made.interceptors.request.use(change);
    await made.get(`${server.url}/ok`);
    made.interceptors.request.eject(id);
    await made.get(`${server.url}/ok`);
    const spans = await telemetry.ended(3);
    expect(spans.map(({ attributes }) => attributes["url.full"])).toEqual([
      `${server.url}/ok`,
      `${server.url}/json`,
      `${server.url}/ok`,
    ]);
    expect(server.values("traceparent")).toEqual([traceparentOf(spans[2]!)]);
  });

  it("keep their ids and their order", async () => {
    const seen: string[] = [];
    const note = (name: string) => (config: InternalAxiosRequestConfig) => {
      seen.push(name);
      return config;
    };
    const first = instance.interceptors.request.use(note("first"));
    instrumentAxios(instance);
    const second = instance.interceptors.request.use(note("second"));
    expect(first).toBe(0);
    expect(second).toBe(1);
    await instance.get(`${server.url}/ok`);
    expect(seen).toEqual(["second", "first"]);
    instance.interceptors.request.eject(first);
    await instance.get(`${server.url}/ok`);
    expect(seen).toEqual(["second", "first", "second"]);
    instance.interceptors.request.clear();
    await instance.get(`${server.url}/ok`);
    await telemetry.ended(3);
  });

  it.each([true, false])("run before ours: the span has the URL that they set (reverse order: %s)", async (reverse) => {
    const made = create({ transitional: { legacyInterceptorReqResOrdering: reverse } });
    const adapters: unknown[] = [];
    const change = (config: InternalAxiosRequestConfig): InternalAxiosRequestConfig => {
      adapters.push(config.adapter);
      return { ...config, url: `${server.url}/json`, adapter: "fetch" };
    };
    made.interceptors.request.use(change);
    instrumentAxios(made);
    made.interceptors.request.use(change);
    const response = await made.get(`${server.url}/ok`);
    expect(response.config.adapter).toBe("fetch");
    expect(adapters).toEqual([["xhr", "http", "fetch"], "fetch"]);
    const [own] = await telemetry.ended(1);
    expect(own!.attributes["url.full"]).toBe(`${server.url}/json`);
  });

  it("that throw reject the call and leave no span open", async () => {
    const thrown = new Error("interceptor");
    const fail = (): never => {
      throw thrown;
    };
    instance.interceptors.request.use(fail);
    instrumentAxios(instance);
    await expect(instance.get(`${server.url}/ok`)).rejects.toBe(thrown);
    instance.interceptors.request.clear();
    instance.interceptors.request.use(fail);
    await expect(instance.get(`${server.url}/ok`)).rejects.toBe(thrown);
    await telemetry.ended(0);
    instance.interceptors.request.clear();
    instance.interceptors.response.use(fail);
    await expect(instance.get(`${server.url}/ok`)).rejects.toBe(thrown);
    await telemetry.ended(1);
    await telemetry.settled();
  });

  it("that never settle leave no span open", async () => {
    instance.interceptors.response.use(() => new Promise<never>(() => {}));
    instrumentAxios(instance);
    void instance.get(`${server.url}/ok`);
    expect(await telemetry.ended(1)).toHaveLength(1);
    await telemetry.settled();
  });

  it("stay synchronous: the adapter is called before the call returns", async () => {
    instrumentAxios(instance);
    let called = false;
    const adapter = async (config: InternalAxiosRequestConfig) => {
      called = true;
      return { data: "", status: 200, statusText: "", headers: {}, config };
    };
    const call = instance.request({ url: server.url, adapter });
    expect(called).toBe(true);
    await call;
  });

  it("that return a frozen config, or none, have the result that they have without instrumentation", async () => {
    const remove = instance.interceptors.request.use((config) => Object.freeze({ ...config }));
    const plain = await instance.get(`${server.url}/ok`).catch((reason: unknown) => reason);
    instrumentAxios(instance);
    const traced = await instance.get(`${server.url}/ok`).catch((reason: unknown) => reason);
    expect((traced as { status: number }).status).toBe((plain as { status: number }).status);
    instance.interceptors.request.eject(remove);
    instance.interceptors.request.use(() => undefined as never);
    await expect(instance.get(`${server.url}/ok`)).rejects.toThrow(TypeError);
  });
});
