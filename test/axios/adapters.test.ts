import { Readable } from "node:stream";
import { SpanStatusCode } from "@opentelemetry/api";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { create } from "axios";
import type { AxiosAdapter, AxiosRequestConfig, AxiosResponse, InternalAxiosRequestConfig } from "axios";
import { afterEach, beforeEach, expect, test } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

// What adapters of the application's own may do: axios takes whatever has a `then`.

let telemetry: TestTelemetry;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(() => telemetry.stop());

const URL_ = "http://agent.example/";
const answer = (config: InternalAxiosRequestConfig, more: object = {}): AxiosResponse =>
  ({ data: "hello", status: 200, statusText: "OK", headers: {}, config, ...more }) as AxiosResponse;
const thenable = (settle: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void): Promise<AxiosResponse> =>
  ({
    // oxlint-disable-next-line unicorn/no-thenable -- it is what such adapters return
    then: (...handlers: Parameters<Promise<unknown>["then"]>) => new Promise(settle).then(...handlers),
  }) as Promise<AxiosResponse>;
function sent(adapter: AxiosAdapter, more: AxiosRequestConfig = {}): Promise<AxiosResponse> {
  const instance = create({ adapter, ...more });
  instrumentAxios(instance);
  return instance.get(URL_);
}
const ends = (): unknown[] =>
  telemetry.own().map(({ status, attributes }) => [status.code, attributes["error.type"], attributes["http.response.status_code"]]);

test("one that returns a promise of its own is followed to its response, and to its error", async () => {
  expect((await sent((config) => thenable((resolve) => resolve(answer(config))))).data).toBe("hello");
  const error = new TypeError("no");
  await expect(sent(() => thenable((_, reject) => reject(error)))).rejects.toBe(error);
  expect(ends()).toEqual([
    [SpanStatusCode.UNSET, undefined, 200],
    [SpanStatusCode.ERROR, "TypeError", undefined],
  ]);
});

test("one that returns no response, or nothing, gets axios's own error, and its span ends", async () => {
  for (const nothing of [undefined, null]) await expect(sent(async () => nothing as never)).rejects.toThrow(TypeError);
  await expect(sent(() => undefined as never)).rejects.toThrow(TypeError);
  expect(ends()).toEqual([1, 2, 3].map(() => [SpanStatusCode.UNSET, undefined, undefined]));
});

test("one whose response says little, or throws when it is looked at, ends its span", async () => {
  await sent(async (config) => answer(config, { status: "fine" }));
  const request = {
    get res(): never {
      throw new Error("not mine");
    },
  };
  await sent(async (config) => answer(config, { request }));
  const unreadable = Object.defineProperty({}, "status", {
    get: () => {
      throw new Error("not mine");
    },
  });
  await sent(async () => unreadable as AxiosResponse).catch(() => {});
  expect(ends()).toEqual([
    [SpanStatusCode.UNSET, undefined, undefined],
    [SpanStatusCode.UNSET, undefined, 200],
    [SpanStatusCode.UNSET, undefined, undefined],
  ]);
});

test("a stream that is none, or is over when it comes, ends the span with its headers", async () => {
  const destroyed = Readable.from(["x"]);
  destroyed.destroy();
  for (const data of ["no stream", destroyed]) await sent(async (config) => answer(config, { data }), { responseType: "stream" });
  expect(ends()).toEqual([1, 2].map(() => [SpanStatusCode.UNSET, undefined, 200]));
});

test("a config that failed unrecorded is left as it was", async () => {
  await telemetry.stop();
  telemetry = startTelemetry({ sampler: new AlwaysOffSampler() });
  let given: InternalAxiosRequestConfig | undefined;
  const adapter: AxiosAdapter = async (config) => {
    given = config;
    throw new Error("no");
  };
  await expect(sent(adapter)).rejects.toThrow("no");
  expect(given?.adapter).toBe(adapter);
});
