import { context, metrics, trace as tracing } from "@opentelemetry/api";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import axios from "axios";
import * as fc from "fast-check";
import got from "got";
import { Agent, interceptors } from "undici";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { wrapFetch } from "../../src/fetch.ts";
import { wrapGot } from "../../src/got.ts";
import type { ClientOptions } from "../../src/index.ts";
import { traceInterceptor } from "../../src/undici.ts";
import { serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startDeterministicTelemetry } from "./deterministic-telemetry.ts";
import type { DeterministicTelemetry } from "./deterministic-telemetry.ts";
import { contextWith, propagated } from "./model.ts";
import type { Carried } from "./model.ts";
import { ENVIRONMENTS } from "./neutral-settings.ts";
import { ACTIVE, KEYS } from "./requests.ts";
import { LONG_TIMEOUT, runs } from "./run-options.ts";

// A request that is redirected several times between two servers: each hop carries exactly what the policy allows for its server.

let telemetry: DeterministicTelemetry;
let servers: TestServer[];
beforeAll(async () => {
  const route: Parameters<typeof serve>[0] = {
    "*": ({ url }, response) => {
      // The path lists the remaining hops: `/01` stands for the first server, then the second.
      const rest = url!.slice(2);
      if (rest === "") response.end("answer");
      else response.writeHead(302, { location: `${servers[Number(rest[0])]!.url}/${rest}` }).end();
    },
  };
  servers = [await serve(route), await serve(route)];
  telemetry = startDeterministicTelemetry();
});
afterAll(async () => {
  await telemetry.stop();
  await Promise.all(servers.map((server) => server.close()));
});
beforeEach(() => telemetry.register());

const platform = globalThis.fetch;
const CLIENTS: Record<string, (options: ClientOptions) => (url: string) => Promise<string>> = {
  fetch: (options) => {
    const send = wrapFetch(platform, options);
    return async (url) => (await send(url)).text();
  },
  "undici before its redirects": (options) => {
    const dispatcher = new Agent().compose(traceInterceptor(options), interceptors.redirect({ maxRedirections: 9 }));
    return async (url) =>
      (await dispatcher.request({ origin: new URL(url).origin, path: new URL(url).pathname, method: "GET" })).body.text();
  },
  axios: (options) => {
    const instance = axios.create({ responseType: "text" });
    instrumentAxios(instance, options);
    return async (url) => (await instance.get<string>(url)).data;
  },
  got: (options) => {
    const client = wrapGot(got, options);
    return async (url) => client(url).text();
  },
};

interface Asked {
  hops: number[];
  active: Carried;
  /** The servers that may receive trace context and baggage; undefined if the option is not set, which allows all. */
  traced: number[] | undefined;
  withBaggage: number[] | undefined;
  keys: string[] | undefined;
  sdk: boolean;
  metered: boolean;
}

const SOME = fc.option(fc.subarray([0, 1]), { nil: undefined, freq: 2 });
const ASKED: fc.Arbitrary<Asked> = fc.record({
  hops: fc.array(fc.constantFrom(0, 1), { minLength: 1, maxLength: 4 }),
  active: ACTIVE,
  traced: SOME,
  withBaggage: SOME,
  keys: fc.option(fc.subarray(KEYS), { nil: undefined, freq: 2 }),
  sdk: fc.boolean(),
  metered: fc.boolean(),
});

function optionsOf({ traced, withBaggage, keys }: Asked): ClientOptions {
  const origins = (which: number[]): string[] => which.map((n) => servers[n]!.url);
  return {
    ...(traced && { propagateTo: origins(traced) }),
    ...(withBaggage && { baggageTo: origins(withBaggage) }),
    ...(keys && { baggageKeys: keys }),
  };
}

/** What a hop carries: the trace id with the sampled flag, and the other headers unchanged. */
interface Carries {
  server: number;
  trace: string | undefined;
  tracestate: string | undefined;
  baggage: string[];
}

function modelled({ hops, active, traced, withBaggage, keys, sdk, metered }: Asked): Carries[] {
  const { traceparent, tracestate, baggage, sampled, parent } = propagated(active, { trace: undefined, baggage: [] });
  const isIdle = !sdk && !metered && active.trace === undefined && active.baggage.length === 0;
  const hasTrace = !isIdle && (sdk || parent !== undefined);
  // The id of a new trace is known from the first hop only.
  const own = parent === undefined ? "new" : traceparent.slice(3, 35);
  const members = keys === undefined ? baggage : baggage.filter((member) => keys.includes(member.slice(0, member.indexOf("="))));
  return hops.map((server) => {
    const isTraced = hasTrace && (traced?.includes(server) ?? true);
    const isBagged = withBaggage?.includes(server) ?? traced?.includes(server) ?? true;
    return {
      server,
      trace: isTraced ? `${own} 0${sampled ? 1 : 0}` : undefined,
      tracestate: isTraced ? tracestate : undefined,
      baggage: isBagged ? members : [],
    };
  });
}

async function carried(asked: Asked, send: (url: string) => Promise<string>): Promise<Carries[]> {
  for (const server of servers) server.requests.length = 0;
  const path = asked.hops.join("");
  await telemetry.record(async () => {
    const answer = await context.with(contextWith(asked.active), () => send(`${servers[asked.hops[0]!]!.url}/${path}`));
    expect(answer).toBe("answer");
  });
  const begun = asked.active.trace === undefined;
  return asked.hops.map((n, i) => {
    const request = servers[n]!.requests.find(({ url }) => url === `/${path.slice(i)}`);
    const values = servers[n]!.values("traceparent", request);
    const [, trace, , flags] = values.join(" and ").split("-");
    return {
      server: n,
      trace: values.length === 0 ? undefined : `${begun ? "new" : trace} ${flags}`,
      tracestate: servers[n]!.values("tracestate", request)[0],
      baggage: servers[n]!.values("baggage", request)
        .flatMap((value) => value.split(","))
        .toSorted(),
    };
  });
}

/**
 * A request that carries nothing of ours is not known on its way: behind such a hop those of fetch and axios may lack what they could have, but have
 * nothing that they may not.
 */
function expected(name: string, wanted: Carries[], seen: Carries[]): Carries[] {
  const carriesNothing = ({ trace: id, baggage }: Carries): boolean => id === undefined && baggage.length === 0;
  const lost = name === "fetch" || name === "axios" ? wanted.findIndex(carriesNothing) : -1;
  if (lost === -1) return wanted;
  return wanted.map((hop, i) => {
    if (i <= lost) return hop;
    const { trace: id, tracestate, baggage } = seen[i]!;
    return {
      ...hop,
      trace: id && hop.trace,
      tracestate: tracestate && hop.tracestate,
      baggage: hop.baggage.filter((member) => baggage.includes(member)),
    };
  });
}

it.each(Object.entries(CLIENTS))(
  "%s: sends to each hop what the policy allows for its server",
  LONG_TIMEOUT,
  async (name, make) => {
    const property = fc.asyncProperty(ASKED, fc.constantFrom(...Object.keys(ENVIRONMENTS)), async (asked, around) => {
      telemetry.register();
      if (!asked.sdk) tracing.disable();
      if (asked.metered) metrics.setGlobalMeterProvider(new MeterProvider());
      const wanted = modelled(asked);
      const fast = await carried(asked, make(optionsOf(asked)));
      expect(fast).toEqual(expected(name, wanted, fast));
      const restore = ENVIRONMENTS[around]!();
      const slow = await carried(asked, make(optionsOf(asked))).finally(restore);
      expect(slow).toEqual(expected(name, wanted, slow));
    });
    await fc.assert(property, runs(60));
  },
);
