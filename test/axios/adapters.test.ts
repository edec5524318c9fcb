import { Readable } from "node:stream";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { create } from "axios";
import type { AxiosAdapter, AxiosRequestConfig, AxiosResponse, InternalAxiosRequestConfig } from "axios";
import { afterEach, beforeEach, expect, it } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { cancelled, failed, outcomeOf, succeeded } from "../support/outcome.ts";
import type { Outcome } from "../support/outcome.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

// Adapters of the application's may return any thenable, and responses of any shape.

let telemetry: TestTelemetry;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(() => telemetry.stop());

const URL_ = "http://agent.example/";
const responseTo = (config: InternalAxiosRequestConfig, more: object = {}): AxiosResponse =>
  ({ data: "hello", status: 200, statusText: "OK", headers: {}, config, ...more }) as AxiosResponse;
const thenable = (settle: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void): Promise<AxiosResponse> =>
  ({
    // oxlint-disable-next-line unicorn/no-thenable -- such adapters return one
    then: (...handlers: Parameters<Promise<unknown>["then"]>) => new Promise(settle).then(...handlers),
  }) as Promise<AxiosResponse>;
function sent(adapter: AxiosAdapter, more: AxiosRequestConfig = {}): Promise<AxiosResponse> {
  const instance = create({ adapter, ...more });
  instrumentAxios(instance);
  return instance.get(URL_);
}
const outcomes = (): Outcome[] => telemetry.own().map(outcomeOf);

it("records the response and the error of an adapter that returns a thenable", async () => {
  expect((await sent((config) => thenable((resolve) => resolve(responseTo(config))))).data).toBe("hello");
  const error = new TypeError("no");
  await expect(sent(() => thenable((_, reject) => reject(error)))).rejects.toBe(error);
  expect(outcomes()).toEqual([succeeded(), failed("TypeError")]);
});

it("ends the span of an adapter that returns no response or no promise", async () => {
  for (const nothing of [undefined, null]) await expect(sent(async () => nothing as never)).rejects.toThrow(TypeError);
  await expect(sent(() => undefined as never)).rejects.toThrow(TypeError);
  expect(outcomes()).toEqual([cancelled(), cancelled(), cancelled()]);
});

it("ends the span of an adapter whose response has no status, or throws when it is read", async () => {
  await sent(async (config) => responseTo(config, { status: "fine" }));
  const request = {
    get res(): never {
      throw new Error("not mine");
    },
  };
  await sent(async (config) => responseTo(config, { request }));
  const unreadable = Object.defineProperty({}, "status", {
    get: () => {
      throw new Error("not mine");
    },
  });
  await sent(async () => unreadable as AxiosResponse).catch(() => {});
  expect(outcomes()).toEqual([cancelled(), succeeded(), cancelled()]);
});

it("ends the span with the headers if a stream has ended already, or is not a stream", async () => {
  const destroyed = Readable.from(["x"]);
  destroyed.destroy();
  for (const data of ["no stream", destroyed])
    await sent(async (config) => responseTo(config, { data }), { responseType: "stream" });
  expect(outcomes()).toEqual([succeeded(), succeeded()]);
});

it("does not change a failed config if the call is not recorded", async () => {
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
