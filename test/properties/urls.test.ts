import { stringify } from "node:querystring";
import axios from "axios";
import type { AxiosRequestConfig } from "axios";
import * as fc from "fast-check";
import type { Dispatcher } from "undici";
import { afterAll, beforeAll, expect, it } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { wrapFetch } from "../../src/fetch.ts";
import { traceInterceptor } from "../../src/undici.ts";
import { startDeterministicTelemetry } from "./deterministic-telemetry.ts";
import type { DeterministicTelemetry } from "./deterministic-telemetry.ts";
import { redacted, serverOf } from "./model.ts";
import { LONG_TIMEOUT, runs } from "./run-options.ts";
import { ANY_URL, LONG_URLS, ORIGIN, TARGET } from "./urls.ts";

// Several requests, one after the other, through one client, so that its caches are used. There is no network, so any URL will do.

let telemetry: DeterministicTelemetry;
beforeAll(() => void (telemetry = startDeterministicTelemetry()));
afterAll(() => telemetry.stop());

/** The URL and server attributes of the spans. */
async function urlAttributes(run: () => unknown): Promise<object[]> {
  const spans = await telemetry.record(run);
  return spans.map(({ attributes }) => {
    const { "url.full": full, "server.address": address, "server.port": port } = attributes;
    return { "url.full": full, "server.address": address, "server.port": port };
  });
}

/** The attributes that the model predicts. */
function modelled(url: string): object {
  return { "url.full": redacted(url), "server.address": undefined, "server.port": undefined, ...serverOf(url) };
}

function hrefOf(text: string): string {
  if (!URL.canParse(text)) return text;
  const { protocol, href } = new URL(text);
  return protocol === "data:" ? href.slice(0, href.indexOf(",") + 1) : href;
}

/** A sequence of requests, each with a URL as a string, as a new object, or as the previous object, changed. */
const steps = (url: fc.Arbitrary<string>): fc.Arbitrary<{ url: string; as: string }[]> =>
  fc.uniqueArray(url, { minLength: 1, maxLength: 4 }).chain((urls) =>
    fc.array(fc.record({ url: fc.constantFrom(...urls), as: fc.constantFrom("a string", "an object", "the same object") }), {
      minLength: 1,
      maxLength: 8,
    }),
  );

it(
  "fetch: records url.full and the server's address as the model predicts, whatever was requested before",
  LONG_TIMEOUT,
  async () => {
    const send = wrapFetch(async () => new Response());
    const property = fc.asyncProperty(steps(ANY_URL), async (asked) => {
      const kept = new URL("http://kept.example/");
      const got = await urlAttributes(async () => {
        for (const { url, as } of asked) {
          if (as === "a string" || !URL.canParse(url)) await send(url);
          else if (as === "an object") await send(new URL(url));
          else await send(Object.assign(kept, { href: url }));
        }
      });
      expect(got).toEqual(asked.map(({ url }) => modelled(hrefOf(url))));
    });
    await fc.assert(property, runs(1000));
  },
);

it("fetch: records URLs of a million characters and five thousand origins", LONG_TIMEOUT, async () => {
  const send = wrapFetch(async () => new Response());
  for (const url of LONG_URLS) {
    const start = performance.now();
    const got = await urlAttributes(() => send(url));
    expect(performance.now() - start).toBeLessThan(2000);
    expect(got[0]).toEqual(modelled(hrefOf(url)));
  }
  const many = Array.from({ length: 5000 }, (_, i) => `http://a${i % 4800}.example:${i % 4800}/`);
  expect(await urlAttributes(async () => void (await Promise.all(many.map((url) => send(url)))))).toEqual(
    many.map((url) => modelled(hrefOf(url))),
  );
});

const handler: Dispatcher.DispatchHandler = {
  onRequestStart() {},
  onResponseStart() {},
  onResponseData() {},
  onResponseEnd() {},
  onResponseError() {},
};

it("undici: records the path byte for byte, with the query option, as the model predicts", LONG_TIMEOUT, async () => {
  const dispatch = traceInterceptor()((_, responseHandler) => {
    responseHandler.onResponseStart?.({} as never, 200, {}, "OK");
    responseHandler.onResponseEnd?.({} as never, {});
    return true;
  });
  const queries = fc.option(fc.dictionary(fc.constantFrom("a", "sig", "b c"), fc.constantFrom("1", "x y", "&")), {
    nil: undefined,
  });
  // Few origins and paths, so that they repeat.
  const few = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.uniqueArray(values, { minLength: 1, maxLength: 2 });
  const sequence = fc.tuple(few(ORIGIN), few(TARGET)).chain(([origins, paths]) =>
    fc.array(
      fc.record({
        origin: fc.constantFrom(...origins),
        path: fc.constantFrom(...paths),
        query: queries,
        as: fc.constantFrom("a string", "an object", "the same object"),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  );
  const property = fc.asyncProperty(sequence, async (asked) => {
    const kept = { method: "GET", origin: new URL("http://kept.example") };
    const got = await urlAttributes(() => {
      for (const { origin, path, query, as } of asked) {
        if (as === "the same object") kept.origin.href = origin;
        const options = as === "the same object" ? kept : { method: "GET", origin: as === "a string" ? origin : new URL(origin) };
        dispatch(Object.assign(options, { path, query }) as never, { ...handler });
      }
    });
    const wanted = asked.map(({ origin, path, query = {} }) => {
      const text = stringify(query);
      return modelled(`${new URL(origin).origin}${path}${text === "" ? "" : `?${text}`}`);
    });
    expect(got).toEqual(wanted);
  });
  await fc.assert(property, runs(1000));
});

it("axios: records url.full with a base URL as the model predicts", LONG_TIMEOUT, async () => {
  const instance = axios.create({ adapter: async (config) => ({ config, data: "", status: 200, statusText: "", headers: {} }) });
  instrumentAxios(instance);
  // axios itself resolves the URL; URLs that it rejects are skipped.
  const uri = (config: AxiosRequestConfig): string | undefined => {
    try {
      return axios.getUri(config);
    } catch {
      return undefined;
    }
  };
  const step = fc
    .record({ baseURL: ORIGIN, url: fc.oneof(ANY_URL, TARGET) }, { requiredKeys: ["url"] })
    .filter((config) => uri(config) !== undefined);
  const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (asked) => {
    const got = await urlAttributes(async () => {
      for (const config of asked) await instance.request(config);
    });
    expect(got).toEqual(asked.map((config) => modelled(hrefOf(uri(config)!))));
  });
  await fc.assert(property, runs(500));
});
