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
import { HOSTILE_ERROR, errorFrom, isOrdinary } from "./hostile.ts";
import type { HostileError } from "./hostile.ts";
import { openLab } from "./lab.ts";
import type { Lab, SpanPicture } from "./lab.ts";
import { PATIENT, runs } from "./runs.ts";

// Whatever is thrown beneath us: the application gets that very thing, and the span ends once, with a short name for it.

let lab: Lab;
beforeAll(() => void (lab = openLab()));
afterAll(() => lab.close());

/** What an application has caught: in a box, for a promise would look into it. */
interface Caught {
  error: unknown;
}

/** How something comes to fail. */
type Failing = (thrown: unknown) => Promise<Caught>;

async function caught(run: () => unknown): Promise<Caught> {
  try {
    await run();
  } catch (error) {
    return { error };
  }
  return { error: "nothing was thrown" };
}

/** A promise of somebody's own, who rejects it with anything. */
function rejecting(reason: unknown): Promise<never> {
  return new Promise((_, reject) => reject(reason));
}

function dispatched(dispatch: Dispatcher.Dispatch): Promise<Caught> {
  return caught(() => {
    let told: Caught | undefined;
    const handler = { onRequestStart() {}, onResponseStart() {}, onResponseData() {}, onResponseEnd() {} };
    const onResponseError = (_: unknown, error: unknown): void => void (told = { error });
    dispatch({ origin: "http://a.example", path: "/", method: "GET" }, { ...handler, onResponseError });
    if (told !== undefined) throw told.error;
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

/** Each, with us and, where the client itself makes something of what is thrown, without us. */
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
  "undici that tells": {
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
  // It never settles if it cannot make a text of what was thrown.
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

function flaws([span, ...more]: SpanPicture[]): string[] {
  if (span === undefined || more.length > 0) return [`${more.length + (span ? 1 : 0)} spans`];
  const { status, attributes } = span;
  const type = attributes["error.type"];
  // A cancel is none.
  if (status === SpanStatusCode.UNSET && type === undefined) return [];
  const found: string[] = [];
  if (status !== SpanStatusCode.ERROR) found.push(`status ${status}`);
  if (typeof type !== "string" || !/^\w{1,64}$/.test(type)) found.push(`error.type ${String(type)}`);
  return found;
}

it.each(Object.entries(FAILING))(
  "%s: whatever is thrown is what the application gets",
  PATIENT,
  async (_, { traced, plain, takes }) => {
    const property = fc.asyncProperty(HOSTILE_ERROR, async (hostile) => {
      fc.pre(takes?.(hostile) !== false);
      const thrown = errorFrom(hostile);
      const without = plain === undefined ? thrown : (await plain(thrown)).error;
      let told: Caught | undefined;
      const spans = await lab.watch(async () => {
        told = await traced(thrown);
      });
      expect(flaws(spans)).toEqual([]);
      const { error } = told!;
      // What a client makes of it is another object each time, of the same class.
      const isOfItsOwn = without !== thrown && without instanceof Error;
      expect(isOfItsOwn ? classOf(error) === classOf(without) : Object.is(error, without)).toBe(true);
    });
    await fc.assert(property, runs(200));
  },
);
