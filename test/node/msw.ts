import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { instrumentNode } from "../../src/node.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { PLAIN, httpGet } from "./clients.ts";

/** What the tests need of a version of msw, whose server answers `http://mocked.example/` with "mocked". */
export interface Msw {
  readonly version: string;
  readonly listen: () => void;
  readonly close: () => void;
}

/** Clients that msw intercepts. */
const CLIENTS: [string, (url: string) => Promise<string>][] = [
  ["fetch", async (url) => (await fetch(url)).text()],
  ["http.get", (url) => httpGet(url)],
  ["axios", PLAIN["axios"]!],
  ["got", PLAIN["got"]!],
];

/** Tests of `instrumentNode()` beside a version of msw. */
export function mswNodeContract({ version, listen, close }: Msw): void {
  let server: TestServer;
  let telemetry: TestTelemetry;
  let undo = (): void => {};
  beforeAll(async () => void (server = await serve(ROUTES)));
  afterAll(() => server.close());
  beforeEach(() => {
    telemetry = startTelemetry();
    server.requests.length = 0;
  });
  afterEach(() => {
    close();
    undo();
    return telemetry.stop();
  });

  const start = (order: string): void => {
    if (order === "before") listen();
    undo = instrumentNode();
    if (order === "after") listen();
  };

  describe.each(["before", "after"])(`msw ${version} listening %s instrumentNode()`, (order) => {
    it.each(CLIENTS)("leaves one span for a request that msw passes on: %s", async (_, get) => {
      start(order);
      expect(await get(`${server.url}/events`)).toContain("data: 4");
      expect(server.requests).toHaveLength(1);
      expect(server.values("traceparent")).toHaveLength(1);
      const [span] = await telemetry.ended(1);
      expect(server.values("traceparent")[0]).toContain(span!.spanContext().spanId);
      expect(span!.attributes["http.response.status_code"]).toBe(200);
      await telemetry.settled();
    });

    it.each(CLIENTS)("gets the mocked answer, and has one span if the channels report the request: %s", async (name, get) => {
      start(order);
      expect(await get("http://mocked.example/")).toBe("mocked");
      await telemetry.settled();
      // msw 2 answers a fetch without a request of undici.
      const expected = version === "2" && name === "fetch" ? [] : [200];
      expect(telemetry.own().map((span) => span.attributes["http.response.status_code"])).toEqual(expected);
    });
  });
}
