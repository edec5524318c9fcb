import { context } from "@opentelemetry/api";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startDeterministicTelemetry } from "./deterministic-telemetry.ts";
import type { DeterministicTelemetry } from "./deterministic-telemetry.ts";
import { contextWith, propagated, redacted } from "./model.ts";
import { ENVIRONMENTS } from "./neutral-settings.ts";
import { REQUEST } from "./requests.ts";
import type { Asked } from "./requests.ts";
import { LONG_TIMEOUT, runs } from "./run-options.ts";
import { throughAxios } from "./clients/axios.ts";
import { throughFetch } from "./clients/fetch.ts";
import { throughGot } from "./clients/got.ts";
import type { PropertyClient } from "./clients/client.ts";
import { throughUndici } from "./clients/undici.ts";

let telemetry: DeterministicTelemetry;
let server: TestServer;
beforeAll(async () => {
  server = await serve({
    "*": (_, response, body) => void setTimeout(() => response.end(body), body.length % 3),
  });
  telemetry = startDeterministicTelemetry();
});
afterAll(async () => {
  await telemetry.stop();
  await server.close();
});

const CLIENTS: Record<string, PropertyClient> = {
  fetch: throughFetch,
  undici: throughUndici,
  axios: throughAxios,
  got: throughGot,
};

interface ScheduledRequest {
  client: string;
  asked: Asked;
  /** Microtasks between the previous request and this one. */
  after: number;
}

const defaultSelection = ({ variants }: PropertyClient): Record<string, string> =>
  Object.fromEntries(Object.entries(variants).map(([of, names]) => [of, names[0]!]));

/** Trace and span id of a `traceparent`. */
const idIn = (traceparent: string | undefined): string => traceparent?.slice(3, 52) ?? "";

it("keeps the contexts and headers of concurrent requests of all clients apart", LONG_TIMEOUT, async () => {
  const options = {};
  const scheduledRequest: fc.Arbitrary<ScheduledRequest> = fc.record({
    client: fc.constantFrom(...Object.keys(CLIENTS)),
    asked: REQUEST,
    after: fc.nat({ max: 3 }),
  });
  const batch = fc.array(scheduledRequest, { minLength: 2, maxLength: 12 });
  const property = fc.asyncProperty(batch, fc.constantFrom(...Object.keys(ENVIRONMENTS)), async (requests, environment) => {
    server.requests.length = 0;
    const restore = ENVIRONMENTS[environment]!();
    const paths = requests.map(({ asked: { path } }, n) => `/n${n}.${path}`);
    const spans = await telemetry
      .record(async () => {
        const answers: Promise<unknown>[] = [];
        for (const [n, { client: name, asked, after }] of requests.entries()) {
          for (let i = 0; i < after; i++) await Promise.resolve();
          const client = CLIENTS[name]!;
          const call = (): Promise<unknown> =>
            client.send({ ...asked, path: paths[n]! }, server.url, defaultSelection(client), options);
          answers.push(context.with(contextWith(asked.active), call));
        }
        await Promise.all(answers);
      })
      .finally(restore);

    const received = requests.map((_, n) => {
      const request = server.requests.find(({ url }) => url === paths[n]);
      const span = spans.find(({ attributes }) => attributes["url.full"] === redacted(server.url + paths[n]));
      const { tracestate, baggage, traceparent } = Object.fromEntries(
        Object.entries(request?.headers ?? {}).map(([name, value]) => [name, String(value)]),
      );
      return {
        method: request?.method,
        body: request?.body.toString(),
        carriesItsSpan: span === undefined || span.id === idIn(traceparent),
        trace: idIn(traceparent).slice(0, 32),
        tracestate,
        baggage: (baggage ?? "").split(",").filter(Boolean).toSorted(),
        parent: span?.parent,
        hasSpan: span !== undefined,
      };
    });
    const wanted = requests.map(({ asked: { active, byHand, method, body } }, n) => {
      const { id, tracestate, baggage, parent, sampled } = propagated(active, byHand);
      const isNew = parent === undefined;
      return {
        method,
        body: body ?? "",
        carriesItsSpan: true,
        trace: isNew ? received[n]!.trace : id.slice(0, 32),
        tracestate,
        baggage,
        parent: sampled ? parent : undefined,
        hasSpan: sampled,
      };
    });
    expect(received).toEqual(wanted);
    expect(new Set(server.requests.map(({ headers }) => headers["traceparent"])).size).toBe(requests.length);
    expect(server.requests).toHaveLength(requests.length);
    expect(new Set(spans.map(({ id }) => id)).size).toBe(spans.length);
  });
  await fc.assert(property, runs(60));
});
