import { EventEmitter } from "node:events";
import { SpanStatusCode } from "@opentelemetry/api";
import axios from "axios";
import * as fc from "fast-check";
import got from "got";
import type { Got } from "got";
import type { Dispatcher } from "undici";
import { afterAll, beforeAll, expect, it } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { wrapFetch } from "../../src/fetch.ts";
import { wrapGot } from "../../src/got.ts";
import { continueTrace } from "../../src/index.ts";
import { traceRequests } from "../../src/server/node.ts";
import { traceInterceptor } from "../../src/undici.ts";
import { HOSTILE_ERROR, errorFrom, isOrdinary } from "./hostile-values.ts";
import type { HostileError } from "./hostile-values.ts";
import { startDeterministicTelemetry } from "./deterministic-telemetry.ts";
import type { DeterministicTelemetry, SpanSnapshot } from "./deterministic-telemetry.ts";
import { LONG_TIMEOUT, runs } from "./run-options.ts";

// Whatever a client throws, the application receives that very value, and the span ends once with a short error type.

let telemetry: DeterministicTelemetry;
beforeAll(() => void (telemetry = startDeterministicTelemetry()));
afterAll(() => telemetry.stop());

/** The caught value. It is wrapped, because a promise would call a `then` method of it. */
interface Caught {
  error: unknown;
}

/** Makes a call that fails with the given value. */
type Failing = (thrown: unknown) => Promise<Caught>;

async function caught(run: () => unknown): Promise<Caught> {
  try {
    await run();
  } catch (error) {
    return { error };
  }
  return { error: "nothing was thrown" };
}

/** A promise that is rejected with any value. */
function rejecting(reason: unknown): Promise<never> {
  return new Promise((_, reject) => reject(reason));
}

function dispatched(dispatch: Dispatcher.Dispatch): Promise<Caught> {
  return caught(() => {
    let result: Caught | undefined;
    const handler = { onRequestStart() {}, onResponseStart() {}, onResponseData() {}, onResponseEnd() {} };
    const onResponseError = (_: unknown, error: unknown): void => void (result = { error });
    dispatch({ origin: "http://a.example", path: "/", method: "GET" }, { ...handler, onResponseError });
    if (result !== undefined) throw result.error;
  });
}

const axiosWith = (isTraced: boolean): Failing => {
  const instance = axios.create();
  if (isTraced) instrumentAxios(instance);
  return (thrown) => caught(() => instance.get("http://a.example/", { adapter: () => rejecting(thrown) }));
};
const gotWith = (client: Got): Failing => {
  return (thrown) =>
    caught(() =>
      client("http://a.example/", {
        retry: { limit: 0 },
        request: () => {
          throw thrown;
        },
      }),
    );
};

/** Each client with the library and, if the client itself converts what is thrown, without it. */
const FAILING: Record<string, { traced: Failing; plain?: Failing; takes?: (hostile: HostileError) => boolean }> = {
  "fetch that rejects": { traced: (thrown) => caught(() => wrapFetch(() => rejecting(thrown))("http://a.example/")) },
  "fetch that throws": {
    traced: (thrown) =>
      caught(() =>
        wrapFetch(() => {
          throw thrown;
        })("http://a.example/"),
      ),
  },
  "fetch that is aborted": {
    traced: (thrown) => {
      const signal = AbortSignal.abort(thrown);
      return caught(() => wrapFetch(() => rejecting(signal.reason))("http://a.example/", { signal }));
    },
    plain: (thrown) => caught(() => rejecting(AbortSignal.abort(thrown).reason)),
  },
  "undici that reports": {
    traced: (thrown) =>
      dispatched(
        traceInterceptor()((_, handler) => {
          handler.onResponseError?.(null as never, thrown as Error);
          return true;
        }),
      ),
  },
  "undici that throws": {
    traced: (thrown) =>
      dispatched(
        traceInterceptor()(() => {
          throw thrown;
        }),
      ),
  },
  axios: { traced: axiosWith(true), plain: axiosWith(false) },
  // got never settles if it cannot convert the thrown value to a string.
  got: { traced: gotWith(wrapGot(got)), plain: gotWith(got), takes: isOrdinary },
  "work that rejects": { traced: (thrown) => caught(() => continueTrace({}, () => rejecting(thrown), { name: "work" })) },
  "work that throws": {
    traced: (thrown) =>
      caught(() =>
        continueTrace(
          {},
          () => {
            throw thrown;
          },
          { name: "work" },
        ),
      ),
  },
  "a listener that throws": {
    traced: (thrown) => {
      const listener = traceRequests(() => {
        throw thrown;
      });
      const request = Object.assign(new EventEmitter(), { method: "GET", url: "/", headers: {}, httpVersion: "1.1", socket: {} });
      return caught(() => listener(request as never, Object.assign(new EventEmitter(), { headersSent: false }) as never));
    },
  },
};

const classOf = (error: unknown): unknown => Object.getPrototypeOf(error);

function flaws([span, ...more]: SpanSnapshot[]): string[] {
  if (span === undefined || more.length > 0) return [`${more.length + (span ? 1 : 0)} spans`];
  const { status, attributes } = span;
  const type = attributes["error.type"];
  // A cancellation is not an error.
  if (status === SpanStatusCode.UNSET && type === undefined) return [];
  const found: string[] = [];
  if (status !== SpanStatusCode.ERROR) found.push(`status ${status}`);
  if (typeof type !== "string" || !/^\w{1,64}$/.test(type)) found.push(`error.type ${String(type)}`);
  return found;
}

it.each(Object.entries(FAILING))(
  "%s: passes every thrown value on to the application",
  LONG_TIMEOUT,
  async (_, { traced, plain, takes }) => {
    const property = fc.asyncProperty(HOSTILE_ERROR, async (hostile) => {
      fc.pre(takes?.(hostile) !== false);
      const thrown = errorFrom(hostile);
      const without = plain === undefined ? thrown : (await plain(thrown)).error;
      let result: Caught | undefined;
      const spans = await telemetry.record(async () => {
        result = await traced(thrown);
      });
      expect(flaws(spans)).toEqual([]);
      const { error } = result!;
      // A client that converts the value creates a new error of the same class each time.
      const isConverted = without !== thrown && without instanceof Error;
      expect(isConverted ? classOf(error) === classOf(without) : Object.is(error, without)).toBe(true);
    });
    await fc.assert(property, runs(200));
  },
);
