import { bypass } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instrumentFetch } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { Recorded, TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

const POST = { method: "POST", headers: { "X-Question": "6*7", accept: "text/plain" }, body: "text" } as const;

/** Requests that msw does not answer, as an application makes them. */
const REQUESTS: Record<string, (url: string) => Promise<Response>> = {
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
};

const PROPAGATION = /^(?:traceparent|tracestate|baggage)$/i;

/** Tests that requests which pass msw are the same with and without tracing. */
export function mswRequestContract(order: "before" | "after"): void {
  const mock = setupServer();
  const listen = (): void => mock.listen({ onUnhandledFrame: "bypass" });
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
    const lines = rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1]}`] : []));
    const text = (value: string): string => value.replaceAll(/formdata-undici-\d+/g, "formdata-undici-0");
    return {
      method,
      headers: lines.filter((line) => !PROPAGATION.test(line.slice(0, line.indexOf(":")))).map(text),
      body: text(String(body)),
    };
  }

  describe(`msw listening ${order} instrumentFetch()`, () => {
    it.each(Object.entries(REQUESTS))("passes on the same request as without tracing: %s", async (_, send) => {
      listen();
      const plain = await received(send);
      mock.close();
      if (order === "before") listen();
      const undo = instrumentFetch();
      if (order === "after") listen();
      const traced = await received(send);
      expect(server.values("traceparent")).toHaveLength(1);
      mock.close();
      undo();
      expect(traced).toEqual(plain);
    });
  });
}
