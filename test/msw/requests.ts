import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instrumentFetch } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { Recorded, TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

/** What the tests need of a version of msw, whose server has no handlers. */
export interface Msw {
  readonly version: string;
  readonly listen: () => void;
  readonly close: () => void;
  readonly bypass: (input: string | Request, init?: RequestInit) => Request;
}

const POST = { method: "POST", headers: { "X-Question": "6*7", accept: "text/plain" }, body: "text" } as const;

/** Requests that msw does not answer, as an application makes them. */
const requests = (bypass: Msw["bypass"]): Record<string, (url: string) => Promise<Response>> => ({
  "a URL": (url) => fetch(url),
  "a URL with an init": (url) => fetch(url, POST),
  "a URL with Headers in the init": (url) => fetch(url, { ...POST, headers: new Headers(POST.headers) }),
  "a Request": (url) => fetch(new Request(url, POST)),
  "a Request with an implicit content type": (url) => fetch(new Request(url, { method: "POST", body: "text" })),
  "a Request with FormData": (url) => {
    const body = new FormData();
    body.set("field", "value");
    return fetch(new Request(url, { method: "POST", body }));
  },
  "a Request with several cookies": (url) =>
    fetch(
      new Request(url, {
        headers: [
          ["set-cookie", "a=1"],
          ["set-cookie", "b=2"],
        ],
      }),
    ),
  "a Request and an init with other headers": (url) => fetch(new Request(url, POST), { headers: { "x-other": "1" } }),
  "bypass() of a URL": (url) => fetch(bypass(url)),
  "bypass() of a URL and an init": (url) => fetch(bypass(url, POST)),
  "bypass() of a Request": (url) => fetch(bypass(new Request(url, POST))),
  "bypass() of a Request with an implicit content type": (url) => fetch(bypass(new Request(url, { method: "POST", body: "text" }))),
});

const PROPAGATION = /^(?:traceparent|tracestate|baggage)$/i;

/** Tests that requests which pass msw are the same with and without tracing. */
export function mswRequestContract(order: "before" | "after", { version, listen, close, bypass }: Msw): void {
  let telemetry: TestTelemetry;
  let server: TestServer;
  beforeAll(async () => void (server = await serve({ "*": ROUTES["/echo"]! })));
  afterAll(() => server.close());
  beforeEach(() => void (telemetry = startTelemetry()));
  afterEach(() => telemetry.stop());

  /** The request as the server receives it, without the propagation headers. */
  async function received(send: (url: string) => Promise<Response>): Promise<object> {
    server.requests.length = 0;
    await (await send(`${server.url}/path`)).text();
    const [{ method, rawHeaders, body }] = server.requests as [Recorded];
    // msw records letter case and order of headers for rawHeaders, which a copy of Headers does not show.
    const lines = rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name.toLowerCase()}: ${rawHeaders[index + 1]}`] : []));
    const text = (value: string): string => value.replaceAll(/formdata-undici-\d+/g, "formdata-undici-0");
    return {
      method,
      headers: lines
        .filter((line) => !PROPAGATION.test(line.slice(0, line.indexOf(":"))))
        .map(text)
        .toSorted(),
      body: text(String(body)),
    };
  }

  describe(`msw ${version} listening ${order} instrumentFetch()`, () => {
    it.each(Object.entries(requests(bypass)))("passes on the same request as without tracing: %s", async (_, send) => {
      listen();
      const plain = await received(send);
      close();
      if (order === "before") listen();
      const undo = instrumentFetch();
      if (order === "after") listen();
      const traced = await received(send);
      expect(server.values("traceparent")).toHaveLength(1);
      close();
      undo();
      expect(traced).toEqual(plain);
    });
  });
}
