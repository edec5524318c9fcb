import { inspect } from "node:util";
import { ROOT_CONTEXT, context, propagation } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { wrapFetch } from "../src/fetch.ts";
import { extractTraceContext } from "../src/index.ts";
import { traceRequests } from "../src/server/node.ts";
import { setupPropagation } from "../src/setup.ts";
import type { ServerOptions } from "../src/index.ts";
import { CLIENTS } from "./support/clients.ts";
import { recordDiagnostics } from "./support/diagnostics.ts";
import { ROUTES, listen, serve } from "./support/server.ts";
import type { TestServer } from "./support/server.ts";
import { inSpan, startTelemetry, traceparentOf } from "./support/telemetry.ts";
import type { TestTelemetry } from "./support/telemetry.ts";

let telemetry: TestTelemetry;
let allowed: TestServer;
let other: TestServer;

beforeAll(async () => {
  other = await serve(ROUTES);
  allowed = await serve({
    ...ROUTES,
    "/away": (_, response) => void response.writeHead(307, { location: `http://localhost:${other.port}/ok` }).end(),
    "/back": (_, response) => void response.writeHead(307, { location: `${allowed.url}/ok` }).end(),
  });
});
afterAll(async () => {
  await allowed.close();
  await other.close();
});
beforeEach(() => {
  telemetry = startTelemetry();
  allowed.requests.length = 0;
  other.requests.length = 0;
});
afterEach(() => telemetry.stop());

const REMOTE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const NOTHING = { traceparent: [], tracestate: [], baggage: [] };
const baggage = propagation.createBaggage({ user: { value: "1" }, tenant: { value: "2" } });
const withBaggage = <Result>(fn: () => Result): Result => context.with(propagation.setBaggage(context.active(), baggage), fn);
/** The values of the propagation headers of the newest request, with lists split. */
const sent = (server: TestServer): typeof NOTHING => {
  const values = (name: string): never[] => server.values(name).flatMap((value) => value.split(",")) as never[];
  return { traceparent: values("traceparent"), tracestate: values("tracestate"), baggage: values("baggage") };
};

describe.each(CLIENTS)("$name", (client) => {
  const call = (options: Parameters<typeof client.traced>[0], url: string): Promise<unknown> =>
    inSpan("agent", () => withBaggage(() => client.traced(options)(url)));

  it("sends neither trace context nor baggage to hosts outside propagateTo but records a span", async () => {
    await call({ propagateTo: `127.0.0.1:${allowed.port}` }, `${allowed.url}/ok`);
    const [span] = await telemetry.ended(1);
    expect(sent(allowed)).toEqual({ ...NOTHING, traceparent: [traceparentOf(span!)], baggage: ["user=1", "tenant=2"] });
    await call({ propagateTo: `127.0.0.1:${allowed.port}` }, `${other.url}/ok`);
    expect(sent(other)).toEqual(NOTHING);
    await telemetry.ended(2);
  });

  it("applies baggageTo to baggage alone", async () => {
    await call({ baggageTo: [] }, `${allowed.url}/ok`);
    expect(sent(allowed).baggage).toEqual([]);
    expect(sent(allowed).traceparent).toHaveLength(1);
    await call({ propagateTo: "agents.example", baggageTo: "127.0.0.1" }, `${allowed.url}/ok`);
    expect(sent(allowed)).toEqual({ ...NOTHING, baggage: ["user=1", "tenant=2"] });
  });

  it("sends only the members in baggageKeys", async () => {
    await call({ baggageKeys: ["tenant", "none"] }, `${allowed.url}/ok`);
    expect(sent(allowed).baggage).toEqual(["tenant=2"]);
    await call({ baggageKeys: [] }, `${allowed.url}/ok`);
    expect(sent(allowed).baggage).toEqual([]);
  });

  it("sends nothing forbidden on a redirect to a host outside the policy", async () => {
    await call({ propagateTo: "127.0.0.1" }, `${allowed.url}/away`);
    expect(other.requests).toHaveLength(1);
    expect(sent(allowed).traceparent).toHaveLength(1);
    expect(sent(other)).toEqual(NOTHING);
    await telemetry.settled();
  });

  it("sends nothing forbidden on a redirect of an unsampled call", async () => {
    await telemetry.stop();
    telemetry = startTelemetry({ sampler: new AlwaysOffSampler() });
    await call({ propagateTo: "127.0.0.1" }, `${allowed.url}/away`);
    expect(sent(allowed).traceparent).toHaveLength(1);
    expect(sent(other)).toEqual(NOTHING);
  });

  it("sends nothing forbidden on a redirect without an SDK", async () => {
    await telemetry.stop();
    setupPropagation();
    const incoming = extractTraceContext({ traceparent: REMOTE, baggage: "user=1" }, ROOT_CONTEXT);
    await context.with(incoming, () => client.traced({ propagateTo: "127.0.0.1" })(`${allowed.url}/away`));
    expect(sent(allowed)).toEqual({ ...NOTHING, traceparent: [REMOTE], baggage: ["user=1"] });
    expect(sent(other)).toEqual(NOTHING);
  });

  it("sends what the policy allows on a redirect within it", async () => {
    await call({ propagateTo: "127.0.0.1" }, `${allowed.url}/back`);
    expect(sent(allowed).traceparent).toHaveLength(1);
    expect(sent(allowed).baggage).toEqual(["user=1", "tenant=2"]);
  });

  it("limits baggage to 64 whole members and 8192 bytes and warns at most once", async () => {
    const diagnostics = recordDiagnostics();
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`key${i}`, { value: `${i}` }]));
    const long = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`key${i}`, { value: "x".repeat(1000) }]));
    for (const entries of [many, long]) {
      const full = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage(entries));
      await context.with(full, () => client.traced()(`${allowed.url}/ok`));
      const [header = ""] = allowed.values("baggage");
      const members = header.split(",");
      expect(header.length).toBeLessThanOrEqual(8192);
      expect(members.length).toBe(entries === many ? 64 : 8);
      for (const member of members) expect(member).toMatch(/^key\d+=(?:\d+|x{1000})$/);
    }
    expect(diagnostics.messages("warn").filter((text) => String(text).includes("baggage")).length).toBeLessThanOrEqual(1);
  });

  it("throws at set-up for an invalid matcher and names the option", () => {
    expect(() => client.traced({ propagateTo: "https://a.example/path" })).toThrow(
      /option "propagateTo": "https:\/\/a.example\/path" does not name a host/,
    );
    expect(() => client.traced({ baggageTo: [3] as never })).toThrow(/option "baggageTo" must be/);
  });
});

describe("traceRequests()", () => {
  const receive = async (
    options: ServerOptions<never, never>,
    headers: Record<string, string>,
  ): Promise<Record<string, string>> => {
    let seen: Record<string, string> = {};
    const server = await listen(
      traceRequests((_, response) => {
        propagation.inject(context.active(), seen);
        response.end();
      }, options as never),
    );
    seen = {};
    await fetch(server.url, { headers });
    await server.close();
    await telemetry.settled();
    return seen;
  };

  it.each([
    ["parent", 0],
    ["link", 1],
    ["ignore", 0],
  ] as const)("treats the caller's trace as a %s, given as a value or by a function", async (incoming, links) => {
    for (const option of [incoming, () => incoming]) {
      telemetry.reset();
      const seen = await receive({ incoming: option }, { traceparent: REMOTE, baggage: "user=1" });
      const [span] = await telemetry.ended(1);
      expect(span!.spanContext().traceId === REMOTE.slice(3, 35)).toBe(incoming === "parent");
      expect(span!.parentSpanContext?.spanId).toBe(incoming === "parent" ? REMOTE.slice(36, 52) : undefined);
      expect(span!.links.map((link) => link.context.spanId)).toEqual(links === 1 ? [REMOTE.slice(36, 52)] : []);
      expect(seen).toEqual({ traceparent: traceparentOf(span!), baggage: "user=1" });
    }
  });

  it("ignores the caller's trace if the function throws or returns another value", async () => {
    const fail = (): never => {
      throw new Error("thrown by a hook");
    };
    for (const incoming of [fail, () => "other" as never]) {
      telemetry.reset();
      await receive({ incoming }, { traceparent: REMOTE });
      expect((await telemetry.ended(1))[0]!.parentSpanContext).toBeUndefined();
    }
  });

  it("accepts all, none or the listed members of the caller's baggage", async () => {
    const headers = { traceparent: REMOTE, baggage: "user=1,tenant=2" };
    expect((await receive({ acceptBaggage: true }, headers))["baggage"]).toBe("user=1,tenant=2");
    expect(await receive({ acceptBaggage: false }, headers)).not.toHaveProperty("baggage");
    expect((await receive({ acceptBaggage: ["tenant"] }, headers))["baggage"]).toBe("tenant=2");
    expect(await receive({ acceptBaggage: ["none"] }, headers)).not.toHaveProperty("baggage");
  });

  it("applies acceptBaggage also within a SERVER span of another instrumentation", async () => {
    const inner = traceRequests(
      (_, response) => {
        const activeKeys = (): unknown =>
          propagation
            .getActiveBaggage()
            ?.getAllEntries()
            .map(([key]) => key);
        response.on("finish", () => seen.push(activeKeys()));
        seen.push(activeKeys());
        response.end();
      },
      { acceptBaggage: ["tenant"] },
    );
    const seen: unknown[] = [];
    const server = await listen(traceRequests((request, response) => inner(request, response)));
    await fetch(server.url, { headers: { traceparent: REMOTE, baggage: "user=1,tenant=2" } });
    await server.close();
    expect(seen).toEqual([["tenant"], ["tenant"]]);
    expect(await telemetry.ended(1)).toHaveLength(1);
  });

  it.each([
    ["an oversized traceparent", { traceparent: `01${REMOTE.slice(2)}-${"a".repeat(300)}` }],
    ["two values", { traceparent: `${REMOTE}, ${REMOTE}` }],
    ["a version of ff", { traceparent: `ff${REMOTE.slice(2)}` }],
    ["all zeros", { traceparent: `00-${"0".repeat(32)}-${"0".repeat(16)}-01` }],
  ])("begins a new trace for %s", async (_, headers) => {
    await receive({}, headers);
    expect((await telemetry.ended(1))[0]!.parentSpanContext).toBeUndefined();
  });

  it("accepts the members of oversized baggage that fit", async () => {
    const header = Array.from({ length: 12 }, (_, i) => `key${i}=${"x".repeat(1000)}`).join(",");
    const seen = await receive({}, { baggage: header });
    expect(seen["baggage"]?.split(",").map((member) => member.slice(0, 5))).toEqual(
      Array.from({ length: 8 }, (_, i) => `key${i}=`),
    );
  });
});

describe("messages of the library", () => {
  const SECRET = "https://user:secret@agents.example/?sig=secret";

  it("contain no user info and no signature in errors", () => {
    for (const fail of [
      () => wrapFetch(SECRET as never),
      () => wrapFetch(fetch, { propagateTo: SECRET }),
      () => wrapFetch(fetch, { urlTemplate: SECRET as never }),
      () => traceRequests(SECRET as never),
    ]) {
      expect(fail).toThrow(TypeError);
      expect(fail).not.toThrow(/secret/);
    }
  });

  it("contain no user info and no signature in diagnostics", async () => {
    const { error, warn, info, debug, verbose } = recordDiagnostics();
    const fail = (): never => {
      throw new TypeError(`cannot read ${SECRET}`);
    };
    await wrapFetch(async () => new Response(null), { requestHook: fail })("http://127.0.0.1/");
    const logged = [error, warn, info, debug, verbose].flatMap(({ mock }) => mock.calls);
    expect(inspect(logged)).not.toContain("secret");
    expect(inspect(logged)).toContain("https://REDACTED:REDACTED@agents.example/?sig=REDACTED");
  });
});
