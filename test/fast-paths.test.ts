import { SpanKind, SpanStatusCode, context } from "@opentelemetry/api";
import * as fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ClientOptions } from "../src/index.ts";
import { startDeterministicTelemetry } from "./properties/deterministic-telemetry.ts";
import type { DeterministicTelemetry, SpanSnapshot } from "./properties/deterministic-telemetry.ts";
import { contextWith, propagated, redacted } from "./properties/model.ts";
import { ENVIRONMENTS, OPTIONS } from "./properties/neutral-settings.ts";
import { REQUEST, statusOf } from "./properties/requests.ts";
import type { Asked } from "./properties/requests.ts";
import { LONG_TIMEOUT, runs } from "./properties/run-options.ts";
import { throughAxios } from "./properties/clients/axios.ts";
import { throughFetch } from "./properties/clients/fetch.ts";
import { throughGot } from "./properties/clients/got.ts";
import type { Answer, PropertyClient, Selection } from "./properties/clients/client.ts";
import { throughUndici } from "./properties/clients/undici.ts";
import { serve } from "./support/server.ts";
import type { TestServer } from "./support/server.ts";

let telemetry: DeterministicTelemetry;
let server: TestServer;
beforeAll(async () => {
  server = await serve({
    "*": (request, response, body) => {
      const status = statusOf(request.url ?? "");
      response.writeHead(status, { "x-reply": "yes", "content-type": "text/plain" }).end(status === 204 ? undefined : body);
    },
  });
  telemetry = startDeterministicTelemetry();
});
afterAll(async () => {
  await telemetry.stop();
  await server.close();
});
beforeEach(() => telemetry.register());

/** What the server, the exporter and the application see of a request. */
interface Seen {
  /** Method, URL, headers and body as received, without the propagation headers. Headers are sorted by name. */
  wire: string[];
  /** The propagation headers. */
  propagation: Record<string, string[]>;
  spans: SpanSnapshot[];
  answer: Answer | undefined;
}

const PROPAGATION_HEADERS = ["traceparent", "tracestate", "baggage"];
// The framing of a body depends on its shape, with the library and without it.
const FRAMING = /^(?:content-length|transfer-encoding): /;

async function observe(
  client: PropertyClient,
  asked: Asked,
  selection: Selection,
  traced: ClientOptions | undefined,
): Promise<Seen> {
  server.requests.length = 0;
  let answer: Answer | undefined;
  const spans = await telemetry.record(async () => {
    answer = await context.with(contextWith(asked.active), () => client.send(asked, server.url, selection, traced));
  });
  expect(server.requests).toHaveLength(1);
  const [{ method, url, rawHeaders, body }] = server.requests as [(typeof server.requests)[0]];
  const lines = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name.toLowerCase()}: ${rawHeaders[i + 1]}`] : []));
  const others = lines.filter((line) => !PROPAGATION_HEADERS.includes(line.slice(0, line.indexOf(":"))) && !FRAMING.test(line));
  const propagation = Object.fromEntries(PROPAGATION_HEADERS.map((name) => [name, server.values(name).map(unrecorded)]));
  propagation["baggage"] = propagation["baggage"]!.flatMap((value) => value.split(",")).toSorted();
  return { wire: [`${method} ${url}`, ...others.toSorted(), body.toString()], propagation, spans, answer };
}

/** Hides the id of a span that is not recorded: an inner wrapper starts one more, which cannot be observed. */
function unrecorded(header: string): string {
  return header.replace(/-feed[\da-f]{12}-(0[02])$/, "-unrecorded-$1");
}

const RECORDED = {
  headersToSpanAttributes: { requestHeaders: ["X-Agent", "authorization", "x-absent"], responseHeaders: ["X-Reply"] },
};
const NOT_RECORDED = {};

/** What the model predicts for a request. */
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

const CLIENTS = [throughFetch, throughUndici, throughAxios, throughGot];

const defaultSelection = ({ variants }: PropertyClient): Selection =>
  Object.fromEntries(Object.entries(variants).map(([of, names]) => [of, names[0]!]));
const anySelection = ({ variants }: PropertyClient): fc.Arbitrary<Selection> =>
  fc.record(Object.fromEntries(Object.entries(variants).map(([of, names]) => [of, fc.constantFrom(...names)])));

describe.each(CLIENTS)("$name", (client) => {
  it("sends and records the same request for every argument shape, process setting and neutral option", LONG_TIMEOUT, async () => {
    const variation = fc.record({ selection: anySelection(client), environment: fc.constantFrom(...Object.keys(ENVIRONMENTS)) });
    const property = fc.asyncProperty(
      REQUEST,
      variation,
      fc.constantFrom(...Object.keys(OPTIONS)),
      async (asked, other, option) => {
        const common = asked.recorded ? RECORDED : NOT_RECORDED;
        const plain = await observe(client, asked, defaultSelection(client), undefined);
        const fast = await observe(client, asked, defaultSelection(client), common);
        expect(fast).toEqual({ wire: plain.wire, answer: plain.answer, ...modelled(asked) });
        const plainOther = await observe(client, asked, other.selection, undefined);
        const restore = ENVIRONMENTS[other.environment]!();
        const slow = await observe(client, asked, other.selection, { ...common, ...OPTIONS[option]!(telemetry) }).finally(restore);
        expect(slow).toEqual({ ...fast, wire: plainOther.wire });
      },
    );
    await fc.assert(property, runs(100));
  });
});
