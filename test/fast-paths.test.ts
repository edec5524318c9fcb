import { SpanKind, SpanStatusCode, context } from "@opentelemetry/api";
import * as fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ClientOptions } from "../src/index.ts";
import { openLab } from "./properties/lab.ts";
import type { Lab, SpanPicture } from "./properties/lab.ts";
import { contextWith, propagated, redacted } from "./properties/model.ts";
import { AROUND, OPTIONS } from "./properties/neutral.ts";
import { REQUEST, statusOf } from "./properties/requests.ts";
import type { Asked } from "./properties/requests.ts";
import { PATIENT, runs } from "./properties/runs.ts";
import { throughAxios } from "./properties/senders/axios.ts";
import { throughFetch } from "./properties/senders/fetch.ts";
import { throughGot } from "./properties/senders/got.ts";
import type { Answer, Sender, Way } from "./properties/senders/sender.ts";
import { throughUndici } from "./properties/senders/undici.ts";
import { serve } from "./support/server.ts";
import type { TestServer } from "./support/server.ts";

let lab: Lab;
let server: TestServer;
beforeAll(async () => {
  server = await serve({
    "*": (request, response, body) => {
      const status = statusOf(request.url ?? "");
      response.writeHead(status, { "x-reply": "yes", "content-type": "text/plain" }).end(status === 204 ? undefined : body);
    },
  });
  lab = openLab();
});
afterAll(async () => {
  await lab.close();
  await server.close();
});
beforeEach(() => lab.register());

/** What a server and an exporter are told of a request, and what the application gets. */
interface Seen {
  /** Method, URL, headers and body as they were received; headers in their order within a name only. */
  wire: string[];
  /** Of these, the headers that we put there. */
  propagation: Record<string, string[]>;
  spans: SpanPicture[];
  answer: Answer | undefined;
}

const OURS = ["traceparent", "tracestate", "baggage"];
// How a body is framed depends on its shape, with us and without.
const FRAMING = /^(?:content-length|transfer-encoding): /;

async function seen(sender: Sender, asked: Asked, way: Way, traced: ClientOptions | undefined): Promise<Seen> {
  server.requests.length = 0;
  let answer: Answer | undefined;
  const spans = await lab.watch(async () => {
    answer = await context.with(contextWith(asked.active), () => sender.send(asked, server.url, way, traced));
  });
  expect(server.requests).toHaveLength(1);
  const [{ method, url, rawHeaders, body }] = server.requests as [(typeof server.requests)[0]];
  const lines = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name.toLowerCase()}: ${rawHeaders[i + 1]}`] : []));
  const others = lines.filter((line) => !OURS.includes(line.slice(0, line.indexOf(":"))) && !FRAMING.test(line));
  const propagation = Object.fromEntries(OURS.map((name) => [name, server.values(name).map(unrecorded)]));
  propagation["baggage"] = propagation["baggage"]!.flatMap((value) => value.split(",")).toSorted();
  return { wire: [`${method} ${url}`, ...others.toSorted(), body.toString()], propagation, spans, answer };
}

/** Of a span that nobody records it does not matter which one it is: an inner wrapper of ours starts one more. */
function unrecorded(header: string): string {
  return header.replace(/-feed[\da-f]{12}-(0[02])$/, "-unrecorded-$1");
}

const RECORDED = {
  headersToSpanAttributes: { requestHeaders: ["X-Agent", "authorization", "x-absent"], responseHeaders: ["X-Reply"] },
};
const NOT_RECORDED = {};

/** What the model says of a request. */
function modelled(asked: Asked): Pick<Seen, "propagation" | "spans"> {
  const { method, status, path, headers, recorded } = asked;
  const { traceparent, tracestate, baggage, sampled, id, parent } = propagated(asked.active, asked.byHand);
  const propagation = { traceparent: [unrecorded(traceparent)], tracestate: tracestate === undefined ? [] : [tracestate], baggage };
  if (!sampled) return { propagation, spans: [] };
  const isKnown = method !== "PURGE";
  const header = (name: string): string | undefined => headers.find(([given]) => given.toLowerCase() === name)?.[1];
  const attributes = {
    "http.request.method": isKnown ? method : "_OTHER",
    ...(!isKnown && { "http.request.method_original": method }),
    "server.address": "127.0.0.1",
    "server.port": server.port,
    "url.full": redacted(server.url + path),
    "http.response.status_code": status,
    ...(status >= 400 && { "error.type": String(status) }),
    "network.peer.address": "127.0.0.1",
    "network.peer.port": server.port,
    "network.protocol.version": "1.1",
    ...(recorded && header("x-agent") !== undefined && { "http.request.header.x-agent": [header("x-agent")!] }),
    ...(recorded && header("authorization") !== undefined && { "http.request.header.authorization": ["REDACTED"] }),
    ...(recorded && { "http.response.header.x-reply": ["yes"] }),
  };
  const span = {
    name: isKnown ? method : "HTTP",
    kind: SpanKind.CLIENT,
    status: status >= 400 ? SpanStatusCode.ERROR : SpanStatusCode.UNSET,
    attributes,
    events: [],
    links: 0,
    scope: "a2a-otel",
    id,
    parent,
  };
  return { propagation, spans: [span] };
}

const SENDERS = [throughFetch, throughUndici, throughAxios, throughGot];

const usual = ({ ways }: Sender): Way => Object.fromEntries(Object.entries(ways).map(([of, names]) => [of, names[0]!]));
const anyOf = ({ ways }: Sender): fc.Arbitrary<Way> =>
  fc.record(Object.fromEntries(Object.entries(ways).map(([of, names]) => [of, fc.constantFrom(...names)])));

describe.each(SENDERS)("$name", (sender) => {
  it("a request, said in any way, beside anything, with any option that changes nothing, is the same", PATIENT, async () => {
    const way = fc.record({ way: anyOf(sender), around: fc.constantFrom(...Object.keys(AROUND)) });
    const property = fc.asyncProperty(REQUEST, way, fc.constantFrom(...Object.keys(OPTIONS)), async (asked, other, option) => {
      const common = asked.recorded ? RECORDED : NOT_RECORDED;
      const plain = await seen(sender, asked, usual(sender), undefined);
      const fast = await seen(sender, asked, usual(sender), common);
      expect(fast).toEqual({ wire: plain.wire, answer: plain.answer, ...modelled(asked) });
      const plainOther = await seen(sender, asked, other.way, undefined);
      const restore = AROUND[other.around]!();
      const slow = await seen(sender, asked, other.way, { ...common, ...OPTIONS[option]!(lab) }).finally(restore);
      expect(slow).toEqual({ ...fast, wire: plainOther.wire });
    });
    await fc.assert(property, runs(100));
  });
});
