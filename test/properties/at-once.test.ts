import { context } from "@opentelemetry/api";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { openLab } from "./lab.ts";
import type { Lab } from "./lab.ts";
import { contextWith, propagated, redacted } from "./model.ts";
import { AROUND } from "./neutral.ts";
import { REQUEST } from "./requests.ts";
import type { Asked } from "./requests.ts";
import { PATIENT, runs } from "./runs.ts";
import { throughAxios } from "./senders/axios.ts";
import { throughFetch } from "./senders/fetch.ts";
import { throughGot } from "./senders/got.ts";
import type { Sender } from "./senders/sender.ts";
import { throughUndici } from "./senders/undici.ts";

let lab: Lab;
let server: TestServer;
beforeAll(async () => {
  server = await serve({
    "*": (_, response, body) => void setTimeout(() => response.end(body), body.length % 3),
  });
  lab = openLab();
});
afterAll(async () => {
  await lab.close();
  await server.close();
});

const SENDERS: Record<string, Sender> = { fetch: throughFetch, undici: throughUndici, axios: throughAxios, got: throughGot };

interface Sending {
  sender: string;
  asked: Asked;
  /** How many microtasks after the one before it. */
  after: number;
}

const wayOf = ({ ways }: Sender): Record<string, string> =>
  Object.fromEntries(Object.entries(ways).map(([of, names]) => [of, names[0]!]));

/** The ids of a request's span, as its `traceparent` has them. */
const idIn = (traceparent: string | undefined): string => traceparent?.slice(3, 52) ?? "";

it("many requests in flight, of all clients, each with a context and headers of its own, are not mixed up", PATIENT, async () => {
  const options = {};
  const sending: fc.Arbitrary<Sending> = fc.record({
    sender: fc.constantFrom(...Object.keys(SENDERS)),
    asked: REQUEST,
    after: fc.nat({ max: 3 }),
  });
  const batch = fc.array(sending, { minLength: 2, maxLength: 12 });
  const property = fc.asyncProperty(batch, fc.constantFrom(...Object.keys(AROUND)), async (sendings, around) => {
    server.requests.length = 0;
    const restore = AROUND[around]!();
    const paths = sendings.map(({ asked: { path } }, n) => `/n${n}.${path}`);
    const spans = await lab
      .watch(async () => {
        const answers: Promise<unknown>[] = [];
        for (const [n, { sender, asked, after }] of sendings.entries()) {
          for (let i = 0; i < after; i++) await Promise.resolve();
          const client = SENDERS[sender]!;
          const call = (): Promise<unknown> => client.send({ ...asked, path: paths[n]! }, server.url, wayOf(client), options);
          answers.push(context.with(contextWith(asked.active), call));
        }
        await Promise.all(answers);
      })
      .finally(restore);

    const told = sendings.map((_, n) => {
      const request = server.requests.find(({ url }) => url === paths[n]);
      const span = spans.find(({ attributes }) => attributes["url.full"] === redacted(server.url + paths[n]));
      const { tracestate, baggage, traceparent } = Object.fromEntries(
        Object.entries(request?.headers ?? {}).map(([name, value]) => [name, String(value)]),
      );
      return {
        method: request?.method,
        body: request?.body.toString(),
        isSpans: span === undefined || span.id === idIn(traceparent),
        trace: idIn(traceparent).slice(0, 32),
        tracestate,
        baggage: (baggage ?? "").split(",").filter(Boolean).toSorted(),
        parent: span?.parent,
        hasSpan: span !== undefined,
      };
    });
    const wanted = sendings.map(({ asked: { active, byHand, method, body } }, n) => {
      const { id, tracestate, baggage, parent, sampled } = propagated(active, byHand);
      const isNew = parent === undefined;
      return {
        method,
        body: body ?? "",
        isSpans: true,
        trace: isNew ? told[n]!.trace : id.slice(0, 32),
        tracestate,
        baggage,
        parent: sampled ? parent : undefined,
        hasSpan: sampled,
      };
    });
    expect(told).toEqual(wanted);
    expect(new Set(server.requests.map(({ headers }) => headers["traceparent"])).size).toBe(sendings.length);
    expect(server.requests).toHaveLength(sendings.length);
    expect(new Set(spans.map(({ id }) => id)).size).toBe(spans.length);
  });
  await fc.assert(property, runs(60));
});
