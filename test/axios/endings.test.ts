import { subscribe } from "node:diagnostics_channel";
import type { Readable } from "node:stream";
import axios, { AxiosError, create } from "axios";
import type { AxiosInstance } from "axios";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { activeCalls } from "../../src/core/calls/active-calls.ts";
import { cancelled, endedBefore, failed, millisecondsOf, now, onlyOutcome, outcomeOf, succeeded } from "../support/outcome.ts";
import type { Outcome } from "../support/outcome.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let server: TestServer;
let telemetry: TestTelemetry;
let instance: AxiosInstance;
let release: () => void;

beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/slow-body": (_, response) => {
      response.writeHead(200).write("a");
      setTimeout(() => response.end("b"), 120);
    },
    "/held-body": (_, response) => {
      response.writeHead(200).write("a");
      release = () => void response.end("b");
    },
  });
});
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  instance = create();
  instrumentAxios(instance);
});
afterEach(() => telemetry.stop());

const outcome = (): Promise<Outcome> => onlyOutcome(telemetry);

describe.each(["http", "fetch"] as const)("through the %s adapter", (adapter) => {
  const config = { adapter, timeoutErrorMessage: "too slow" };

  it.each([undefined, new Error("enough"), "enough"])(
    "records no error if the application aborts with the reason %s",
    async (reason) => {
      const controller = new AbortController();
      const call = instance.get(`${server.url}/stall`, { ...config, signal: controller.signal });
      setTimeout(() => controller.abort(reason), 20);
      await expect(call).rejects.toMatchObject({ code: "ERR_CANCELED" });
      expect(await outcome()).toEqual(cancelled());
    },
  );

  it("records no error if the application cancels with a CancelToken", async () => {
    // oxlint-disable-next-line import/no-named-as-default-member -- the types have it here alone
    const source = axios.CancelToken.source();
    const call = instance.get(`${server.url}/stall`, { ...config, cancelToken: source.token });
    setTimeout(() => source.cancel("enough"), 20);
    await expect(call).rejects.toMatchObject({ code: "ERR_CANCELED" });
    expect(await outcome()).toEqual(cancelled());
  });

  it("records TimeoutError for AbortSignal.timeout, though axios rejects with ERR_CANCELED", async () => {
    const call = instance.get(`${server.url}/stall`, { ...config, signal: AbortSignal.timeout(20) });
    await expect(call).rejects.toMatchObject({ code: "ERR_CANCELED" });
    expect(await outcome()).toEqual(failed("TimeoutError"));
  });

  it("records the code of axios's own timeout", async () => {
    const error = await instance.get(`${server.url}/stall`, { adapter, timeout: 20 }).catch((reason: unknown) => reason);
    const { code } = error as { code: string };
    expect(code).toBe(adapter === "http" ? "ECONNABORTED" : "ETIMEDOUT");
    expect(await outcome()).toEqual(failed(code));
  });

  it("records ECONNRESET if the connection is reset", async () => {
    await expect(instance.get(`${server.url}/reset`, config)).rejects.toBeInstanceOf(AxiosError);
    expect(await outcome()).toEqual(failed("ECONNRESET"));
  });

  it("records the status and an error if the connection is cut in the body", async () => {
    await expect(instance.get(`${server.url}/cut`, config)).rejects.toBeInstanceOf(AxiosError);
    expect(await outcome()).toEqual(failed(expect.any(String) as string, 200));
  });

  it("ends the span with the last byte of the body", async () => {
    await instance.get(`${server.url}/slow-body`, config);
    expect(millisecondsOf((await telemetry.ended(1))[0]!)).toBeGreaterThan(100);
  });

  it('ends the span with the headers for endSpanOn: "headers"', async () => {
    const early = create({ adapter });
    instrumentAxios(early, { endSpanOn: "headers" });
    const headersArrived = new Promise<number>((resolve) => {
      for (const name of ["http.client.response.finish", "undici:request:headers"]) subscribe(name, () => resolve(now()));
    });
    const call = early.get(`${server.url}/held-body`);
    const time = await headersArrived;
    setTimeout(release, 200); // longer than the tolerance of `endedBefore`
    expect((await call).data).toBe("ab");
    const [own] = await telemetry.ended(1);
    expect(outcomeOf(own!)).toEqual(succeeded());
    expect(endedBefore(own!, time)).toBe(true);
  });
});

describe("calls with random failures", () => {
  const paths = [
    "/ok",
    "/json",
    "/large",
    "/broken",
    "/reset",
    "/cut",
    "/stall",
    "/events",
    "/endless",
    "/slow-body",
    "/redirect",
    "/loop",
  ];

  it.each(["http", "fetch"] as const)(
    "end each span once and leave none open, through the %s adapter",
    async (adapter) => {
      const call = async (index: number): Promise<void> => {
        const controller = new AbortController();
        const timer = setTimeout(() => controller.abort(), Math.random() * 60);
        const refused = index % 13 === 0;
        const url = refused ? "http://127.0.0.1:1/" : server.url + paths[index % paths.length];
        const responseType = index % 3 === 0 ? "stream" : "text";
        try {
          const { data } = await instance.get<unknown>(url, { adapter, responseType, signal: controller.signal, timeout: 80 });
          if (data instanceof ReadableStream) await new Response(data).text();
          else if (responseType === "stream") for await (const _ of data as Readable);
        } catch {
          // Each of them may fail.
        } finally {
          clearTimeout(timer);
          controller.abort();
        }
      };
      const inTurn = (first: number, rounds: number): Promise<void> =>
        rounds === 0 ? Promise.resolve() : call(first).then(() => inTurn(first + 20, rounds - 1));
      await Promise.all(Array.from({ length: 20 }, (_, lane) => inTurn(lane, 15)));
      const calls = (): ReadableSpan[] => telemetry.own().filter((own) => !("http.request.resend_count" in own.attributes));
      await until(() => calls().length === 300, 6000).catch(() => {});
      await telemetry.settled(6000);
      expect(calls()).toHaveLength(300);
      const attempts = telemetry.own().length;
      expect(telemetry.started()).toBe(attempts);
      expect(activeCalls).toEqual([]);
      expect(new Set(telemetry.own().map((own) => own.spanContext().spanId)).size).toBe(attempts);
    },
    30_000,
  );
});
